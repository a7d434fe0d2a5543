import type { Signal } from '../../src/stores/stores.ts';
import type { Bounds } from './counted.ts';
import type { HoleCause } from './hole-causes.ts';

/** What an audit found. `unknown`: no hole, and some books could not be opened. */
export type Audit = {
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly verdict: 'closed' | 'holes' | 'unknown';
  readonly senders: readonly AuditedSender[];
  readonly books: readonly Book[];
  readonly holes: readonly Hole[];
  /** What has not arrived yet, and still may. */
  readonly underWay: readonly UnderWay[];
  readonly notes: readonly string[];
};

/** A process that exported telemetry in this time. */
export type AuditedSender = {
  readonly instance: string;
  readonly job: string;
  readonly standing: 'runs' | 'ended' | 'silent';
  readonly lastHeard: string;
};

export type BookName = 'telemetry' | 'collector' | 'jobs' | 'cpu' | 'gpu' | 'energy';

/**
 * One comparison. `unknown` is why it could not be made; `slack` is what may belong to either side
 * of the edges.
 */
export type Book = {
  readonly book: BookName;
  readonly signal: Signal | null;
  /** An instance id, a store, or what else it is about. */
  readonly of: string;
  readonly at: string;
  readonly expected: number | null;
  readonly found: number | null;
  readonly slack: number;
  readonly missing: number;
  readonly unknown: string | null;
  readonly says: string;
};

export type Hole = {
  readonly book: BookName;
  readonly signal: Signal | null;
  readonly of: string;
  /** The store that lacks it, or who else. */
  readonly at: string;
  readonly from: string;
  readonly to: string;
  readonly count: number;
  readonly cause: HoleCause;
  readonly says: string;
};

export type UnderWay = Pick<Hole, 'signal' | 'of' | 'count' | 'says'>;

/** What a book of its own answers. */
export type Findings = {
  readonly books: readonly Book[];
  readonly holes: readonly Hole[];
  readonly underWay: readonly UnderWay[];
  readonly notes: readonly string[];
};

export const noFindings: Findings = { books: [], holes: [], underWay: [], notes: [] };

export function joinFindings(all: readonly Findings[]): Findings {
  return {
    books: all.flatMap(({ books }) => books),
    holes: all.flatMap(({ holes }) => holes),
    underWay: all.flatMap(({ underWay }) => underWay),
    notes: [...new Set(all.flatMap(({ notes }) => notes))],
  };
}

export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}

/** How far apart bounds are; 0 where one of them is open. */
export function slackOf({ min, max }: Bounds): number {
  return Number.isFinite(max) ? max - min : 0;
}
