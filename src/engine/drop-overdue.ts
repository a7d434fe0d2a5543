import { performance } from 'node:perf_hooks';
import type { EngineObserver } from './engine-observer.ts';
import type { Asker, InferRequest } from './inference.ts';
import { callerGone, tooLate } from './inference-failures.ts';
import type { Statistics } from './statistics.ts';

/** A request that waits for something else than a lane. */
export type Waiter = { readonly request: InferRequest; readonly asker: Asker; readonly arrivedAt: number };

type Parts = { readonly model: string; readonly statistics: Statistics; readonly observer: EngineObserver };

/** Whether nobody waits for it any more: its deadline has passed, or its caller has left. */
export function isOverdue({ deadlineAt, signal }: InferRequest, now: number): boolean {
  return deadlineAt <= now || signal.aborted;
}

/** Fails one that is overdue. */
export function dropOverdue(waiter: Waiter, now: number, { model, statistics, observer }: Parts): void {
  const isLate = waiter.request.deadlineAt <= now;
  observer.requestDropped(model, isLate ? 'expired' : 'gone');
  failWaiter(waiter, statistics, isLate ? tooLate(model, now - waiter.arrivedAt) : callerGone(model));
}

export function failWaiter({ asker, arrivedAt }: Waiter, statistics: Statistics, error: Error): void {
  statistics.fail.count += 1;
  statistics.fail.ms += performance.now() - arrivedAt;
  asker.failed(error);
}
