import type { BatchFacts } from '../../engine/inference.ts';
import type { ThreadSettings } from '../../engine/session-request.ts';
import type { InputShape } from '../../engine/tensor.ts';
import { type FailureCode, type Fault, faultOf, faultOfStatus } from '../../errors.ts';
import type { TaskKind } from '../../task-kinds.ts';
import type { Ids } from '../../telemetry/ids.ts';
import type { KeptBecause } from '../kept-reasons.ts';
import type { TimeAccount } from '../time-account.ts';

/** What is remembered of one request: to remember it itself, `copyOf` it, which holds on to no body, no tensor and no model. Its account is another's later. */
export type FlightRecord = {
  readonly ids: Ids;
  readonly requestId: string;
  readonly tenant: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly failure: FailureCode | undefined;
  /** Decided when all else is known. */
  kept: KeptBecause | undefined;
  /** The failure's sentence, as it may be recorded. */
  readonly sentence: string | undefined;
  /** Of a request that failed, as far as they were read. */
  readonly inputs: readonly InputShape[] | undefined;
  readonly model: string | undefined;
  /** The task that the model worked for; absent for an inference. */
  readonly task: TaskKind | undefined;
  readonly version: string | undefined;
  readonly threads: ThreadSettings | undefined;
  /** In the milliseconds of performance.now(). */
  readonly startedAt: number;
  readonly tookMs: number;
  /** And the queue as it was found. */
  readonly account: TimeAccount;
  /** The same object for all members of a batch. */
  readonly batch: BatchFacts | undefined;
};

/** Each by its name: what it is a copy of may be more than a record. */
export function copyOf(record: FlightRecord): FlightRecord {
  const { ids, requestId, tenant, method, route, status, failure, kept, model, version, threads, batch } = record;
  const { task, sentence, inputs } = record;
  const { startedAt, tookMs, account } = record;
  const mine = { task, sentence, inputs, startedAt, tookMs, account: account.copy() };
  return { ids, requestId, tenant, method, route, status, failure, kept, model, version, threads, batch, ...mine };
}

/** Whose failure it was, if it failed. */
export function faultOfRecord({ failure, status }: Pick<FlightRecord, 'failure' | 'status'>): Fault | undefined {
  return failure === undefined ? faultOfStatus(status) : faultOf(failure);
}

export function isFailed({ failure, status }: Pick<FlightRecord, 'failure' | 'status'>): boolean {
  return failure !== undefined || status >= 400;
}
