import type { Arrival, BatchFacts } from '../../engine/inference.ts';
import type { ThreadSettings } from '../../engine/model.ts';
import type { Ids } from '../ids.ts';
import type { KeptBecause } from '../kept-reasons.ts';
import type { TimeAccount } from '../time-account.ts';

/** What is remembered of one request. It holds on to no body, no tensor and no model; to remember it itself, `copyOf` it: its account is another's later. */
export type FlightRecord = {
  readonly ids: Ids;
  readonly requestId: string;
  readonly tenant: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  /** The failure's code. */
  readonly failure: string | undefined;
  /** Decided when all else is known. */
  kept: KeptBecause | undefined;
  readonly model: string | undefined;
  readonly version: string | undefined;
  readonly threads: ThreadSettings | undefined;
  /** In the milliseconds of performance.now(). */
  readonly startedAt: number;
  readonly tookMs: number;
  readonly account: TimeAccount;
  readonly arrival: Arrival | undefined;
  /** The same object for all members of a batch. */
  readonly batch: BatchFacts | undefined;
};

export function copyOf(record: FlightRecord): FlightRecord {
  return { ...record, account: record.account.copy() };
}

export function isFailed({ failure, status }: Pick<FlightRecord, 'failure' | 'status'>): boolean {
  return failure !== undefined || status >= 400;
}
