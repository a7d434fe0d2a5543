import type { FailureCode } from '../../errors.ts';
import { ServiceError } from '../../errors.ts';
import type { BatchFacts, CacheOutcome, Follower, StageTimes, StepFacts } from '../inference.ts';
import type { PlannedStep } from './pipeline-plan.ts';

/** What is recorded of a step from its begin to its end; it follows the step's own request. */
export class StepRecord implements Follower, StepFacts {
  readonly name: string;
  by: StepFacts['by'];
  readonly startedAt: number;
  endedAt = 0;
  queueMs = 0;
  assembleMs = 0;
  runMs = 0;
  splitMs = 0;
  outputBytes = 0;
  batch: BatchFacts | undefined;
  cache: CacheOutcome | undefined;
  failure: StepFacts['failure'];
  steps: readonly StepFacts[] | undefined;
  #ranSince: number | undefined;

  constructor(step: PlannedStep, now: number) {
    this.name = step.name;
    this.by = step.kind === 'model' ? { model: step.model, version: step.version } : { operation: step.operationName };
    this.startedAt = now;
  }

  arrived(): void {
    // It waits since it began: its answer says for how long.
  }

  batchEnded(batch: BatchFacts): void {
    this.batch = batch;
  }

  expiredInRun(beganAt: number): void {
    this.#ranSince = beganAt;
  }

  lookedUp(outcome: CacheOutcome): void {
    this.cache = outcome;
  }

  stepsEnded(steps: readonly StepFacts[]): void {
    this.steps = steps;
  }

  /** An operation's turn has come. */
  ranSince(at: number): void {
    this.#ranSince = at;
  }

  answered(stages: StageTimes, outputBytes: number): void {
    const { queueMs, assembleMs, runMs, splitMs, answeredAt } = stages;
    // Until it began to wait its inputs were checked.
    const checkedMs = Math.max(0, stages.enqueuedAt - this.startedAt);
    Object.assign(this, { queueMs: queueMs + checkedMs, assembleMs, runMs, splitMs, outputBytes, endedAt: answeredAt });
  }

  /** It ended without an answer: until its last run began it waited. */
  ended(now: number, failure: FailureCode | 'cancelled' | undefined): void {
    if (this.endedAt > 0) return;
    const ranFrom = this.#ranSince ?? this.batch?.startedAt ?? now;
    const ranTo = this.#ranSince === undefined ? (this.batch?.endedAt ?? now) : now;
    this.runMs = Math.max(0, Math.min(now, ranTo) - Math.max(this.startedAt, ranFrom));
    this.queueMs = now - this.startedAt - this.runMs;
    this.endedAt = now;
    this.failure = failure;
  }
}

export function failureOf(error: Error): FailureCode {
  return error instanceof ServiceError ? error.code : 'internal';
}
