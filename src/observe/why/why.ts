import type { InputShape } from '../../engine/tensor.ts';
import type { FailureCode, Fault } from '../../errors.ts';
import type { Cause } from '../../telemetry/names/causes.ts';
import type { Difference } from '../compare/tell-apart.ts';
import type { FlightRecord } from '../flight/flight-record.ts';

/** What the asker may know of others. */
export type Eyes = {
  readonly sees: (record: Pick<FlightRecord, 'tenant'>) => boolean;
  readonly mayName: (model: string) => boolean;
};

export type WhyPart = PartSays & { readonly cause: Cause; readonly ms: number };

/** Why a request took as long as it did, and why it failed if it did. */
export type Why = {
  readonly sentence: string;
  readonly tookMs: number;
  /** Undefined: too few runs of its kind are remembered. */
  readonly aloneMs: number | undefined;
  /** Comparable runs that are remembered. */
  readonly aloneRuns: number;
  /** Whether the cause is known. */
  readonly known: boolean;
  /** What made the most difference first; together they are the time taken. */
  readonly parts: readonly WhyPart[];
  readonly failure: FailureFacts | undefined;
};

/** Why a request failed, and what others of its model and hour say about it. */
export type FailureFacts = {
  readonly code: FailureCode | undefined;
  readonly means: string | undefined;
  readonly says: string | undefined;
  readonly fault: Fault | undefined;
  readonly inputs: readonly InputShape[] | undefined;
  /** Of the last hour, same route and model: those that failed alike, and those that did not fail. */
  readonly failedAlike: number;
  readonly good: number;
  /** What parts them, the clearest first. */
  readonly differences: readonly Difference[];
};

/** A figure or a thing that proves a part, and a link to more. */
export type Evidence = { readonly says: string; readonly link: string | undefined };
export type PartSays = { readonly says: string; readonly evidence: readonly Evidence[] };
