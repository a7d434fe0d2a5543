import type { Arrival, BatchFacts, CacheOutcome, StepFacts } from '../../engine/inference.ts';
import type { ThreadSettings } from '../../engine/session-request.ts';
import type { InputShape } from '../../engine/tensor.ts';
import { type FailureCode, type Fault, faultOf, faultOfStatus } from '../../errors.ts';
import type { Span } from '../../spans-of-time.ts';
import type { TaskKind } from '../../task-kinds.ts';
import type { Ids } from '../../telemetry/ids.ts';
import type { KeptBecause } from '../kept-reasons.ts';
import type { Stages } from '../stages.ts';

/** What is known of a request in words; its numbers are its row. */
export type RequestWords = {
  readonly requestId: string;
  readonly tenant: string;
  readonly method: string;
  readonly route: string;
  readonly failure: FailureCode | undefined;
  readonly kept: KeptBecause | undefined;
  /** The failure's sentence, as it may be recorded. */
  readonly sentence: string | undefined;
  /** Of a request that failed, as far as they were read. */
  readonly inputs: readonly InputShape[] | undefined;
  readonly model: string | undefined;
  /** The task that the model worked for; absent for an inference. */
  readonly task: TaskKind | undefined;
  readonly version: string | undefined;
  readonly threads: ThreadSettings | undefined;
  /** When a task waited for lanes; absent for an inference. */
  readonly waits: TaskWaits | undefined;
};

/** When a task waited for lanes: its longest waits, and what the rest add up to. */
export type TaskWaits = {
  /** From when to when, one after the other, in order. */
  readonly times: Float64Array;
  readonly otherMs: number;
};

/** A request that has ended, made of its words and its row when somebody asks. */
export type FlightRecord = RequestWords & {
  readonly ids: Ids;
  readonly status: number;
  /** In the milliseconds of performance.now(). */
  readonly startedAt: number;
  readonly tookMs: number;
  readonly stages: Stages;
  /** The queue on arrival. */
  readonly arrival: Arrival | undefined;
  readonly size: RequestSize;
  /** Runs that it was in and that gave no answer: how many, and the last one. */
  readonly lost: { readonly runs: number; readonly last: Span } | undefined;
  readonly batch: BatchFacts | undefined;
  /** Of a pipeline. */
  readonly steps: readonly StepFacts[] | undefined;
  /** How it was found among the remembered answers; undefined: its model remembers none. */
  readonly cache: CacheOutcome | undefined;
  /** When the first part of an answer was sent that was made meanwhile. */
  readonly firstPartMs: number | undefined;
};

/** What a request carried, and what it was sent. */
export type RequestSize = {
  /** 0: it did not get to the engine. */
  readonly rows: number;
  /** Of its tensors. */
  readonly bytes: number;
  readonly bodyBytes: number;
  readonly answerBytes: number;
  /** Bits of `wireForm`. */
  readonly form: number;
};

type Ended = Pick<FlightRecord, 'failure' | 'status'>;

/** Whose failure it was, if it failed. */
export function faultOfRecord({ failure, status }: Ended): Fault | undefined {
  return failure === undefined ? faultOfStatus(status) : faultOf(failure);
}

export function isFailed({ failure, status }: Ended): boolean {
  return failure !== undefined || status >= 400;
}
