import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { SweepTimer } from '../batching/sweep-timer.ts';
import type { CheckedInputs } from '../check-inputs.ts';
import { dropOverdue, isOverdue, type Waiter } from '../drop-overdue.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { Asker, CacheOutcome, InferAnswer, InferRequest } from '../inference.ts';
import { ownedOf } from '../owned.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { CacheTerms } from '../registry/manifest-schema.ts';
import type { Statistics } from '../statistics.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import { waitedSince } from '../waited-since.ts';
import { answerKey } from './answer-key.ts';
import { type StoredAnswer, StoredAnswers } from './stored-answers.ts';

const sweepMsMax = 1000;

type Run = (request: InferRequest, checked: CheckedInputs, asker: Asker) => void;

/**
 * The answers of one version of a model. Who asks what was asked before is answered without a run;
 * who asks what is being run for somebody else has that answer. Nothing here makes a request fail:
 * when the run that it shares fails, it is run by itself.
 */
export class AnswerCache {
  readonly #model: string;
  readonly #terms: CacheTerms;
  readonly #statistics: Statistics;
  readonly #observer: EngineObserver;
  readonly #run: Run;
  readonly #stored: StoredAnswers;
  readonly #running = new Map<string, SharedRun>();
  readonly #sweepTimer = new SweepTimer(() => this.#sweep());

  constructor(of: {
    manifest: Pick<Manifest, 'name'>;
    terms: CacheTerms;
    statistics: Statistics;
    observer: EngineObserver;
    /** What is done with a request that has no answer here. It may throw. */
    run: Run;
  }) {
    this.#model = of.manifest.name;
    this.#terms = of.terms;
    this.#statistics = of.statistics;
    this.#observer = of.observer;
    this.#run = of.run;
    this.#stored = new StoredAnswers(of.terms.bytes_max);
  }

  get #parts() {
    return { model: this.#model, statistics: this.#statistics, observer: this.#observer };
  }

  get bytes(): number {
    return this.#stored.bytes;
  }

  get count(): number {
    return this.#stored.count;
  }

  submit(request: InferRequest, checked: CheckedInputs, asker: Asker): void {
    const startedAt = performance.now();
    if (checked.bytes > this.#terms.input_bytes_max) {
      this.#lookedUp(request, 'too_large', startedAt);
      this.#run(request, checked, asker);
      return;
    }
    const key = answerKey(checked, request.outputs, this.#terms.across_tenants ? undefined : request.tenant);
    const stored = this.#stored.find(key);
    if (stored) {
      this.#lookedUp(request, 'hit', startedAt);
      this.#answerLikewise({ request, checked, asker, arrivedAt: startedAt }, stored, 0);
      return;
    }
    const running = this.#running.get(key);
    if (running === undefined) {
      this.#lookedUp(request, 'miss', startedAt);
      this.#lead(key, request, checked, asker, []);
      return;
    }
    this.#lookedUp(request, 'joined', startedAt);
    running.joined.push({ request, checked, asker, arrivedAt: performance.now() });
    // It waits for no lane.
    request.follower?.arrived(performance.now(), 0, 0, 0, 0, checked.rows, checked.bytes);
    this.#sweepTimer.by(Math.min(request.deadlineAt, startedAt + sweepMsMax));
  }

  /** Its model takes nobody any more, and has answered all that it had. */
  close(): void {
    this.#sweepTimer.clear();
    this.#stored.clear();
  }

  #lookedUp({ follower }: InferRequest, outcome: CacheOutcome, startedAt: number): void {
    follower?.lookedUp?.(outcome);
    this.#observer.lookedUp(this.#model, outcome, performance.now() - startedAt);
  }

  #lead(key: string, request: InferRequest, checked: CheckedInputs, asker: Asker, joined: Joined[]): void {
    const run: SharedRun = { joined };
    this.#running.set(key, run);
    try {
      this.#run(request, checked, {
        answered: (answer) => this.#answered(key, run, checked, answer, asker),
        failed: (error) => {
          this.#running.delete(key);
          asker.failed(error);
          this.#goOn(key, run.joined, error);
        },
      });
    } catch (error) {
      this.#running.delete(key);
      if (joined.length === 0) throw error;
      asker.failed(error as Error);
      this.#goOn(key, joined, error as Error);
    }
  }

  #answered(key: string, { joined }: SharedRun, checked: CheckedInputs, answer: InferAnswer, asker: Asker): void {
    this.#running.delete(key);
    const bytes = bytesOfAll(answer.outputs);
    if (joined.length === 0 && !this.#stored.holds(bytes)) {
      asker.answered(answer);
      return;
    }
    // Before the asker has it: then its memory is released.
    const outputs = answer.outputs.map(copyOf);
    const laneMs = answer.batch === undefined ? 0 : (answer.batch.sessionMs * checked.rows) / answer.batch.rows;
    const stored = { outputs, bytes, laneMs };
    const evicted = this.#stored.add(key, stored);
    if (evicted > 0) this.#observer.answersEvicted(this.#model, evicted);
    asker.answered(answer);
    for (const other of joined) this.#answerLikewise(other, stored, answer.stages.runMs);
  }

  /** With what was run for somebody else. */
  #answerLikewise({ request, checked, asker, arrivedAt }: Joined, stored: StoredAnswer, runMsMax: number): void {
    const answeredAt = performance.now();
    if (runMsMax === 0) request.follower?.arrived(answeredAt, 0, 0, 0, 0, checked.rows, checked.bytes);
    ownedOf(request.inputs)?.release();
    this.#observer.runSaved(this.#model, stored.laneMs);
    this.#statistics.success.count += 1;
    this.#statistics.success.ms += answeredAt - arrivedAt;
    // What was looked up at once belongs to the reading of the request.
    const enqueuedAt = runMsMax === 0 ? answeredAt : arrivedAt;
    const runMs = Math.min(runMsMax, answeredAt - enqueuedAt);
    const queueMs = answeredAt - enqueuedAt - runMs;
    const stages = { enqueuedAt, queueMs, assembleMs: 0, runMs, splitMs: 0, answeredAt };
    asker.answered({ outputs: stored.outputs, stages, batch: undefined, owned: undefined });
  }

  /**
   * The run that they shared has failed. Where that was its own caller's doing, the next one leads;
   * else each is run by itself, and only what fails again fails.
   */
  #goOn(key: string, joined: readonly Joined[], error: Error): void {
    const [next, ...others] = joined;
    if (next === undefined) return;
    const isOfCaller =
      error instanceof ServiceError && (error.code === 'caller_gone' || error.code === 'deadline_exceeded');
    if (isOfCaller) {
      this.#lead(key, next.request, next.checked, afterWaiting(next), others);
      return;
    }
    for (const one of joined)
      try {
        this.#run(one.request, one.checked, afterWaiting(one));
      } catch (failure) {
        one.asker.failed(failure as Error);
      }
  }

  /** Of those who wait for the run of another. */
  #sweep(): void {
    this.#sweepTimer.clear();
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const run of this.#running.values()) {
      const over: Joined[] = [];
      run.joined = run.joined.filter((joined) => {
        const { request } = joined;
        if (!isOverdue(request, now)) {
          next = Math.min(next, request.deadlineAt, now + sweepMsMax);
          return true;
        }
        over.push(joined);
        return false;
      });
      for (const joined of over) dropOverdue(joined, now, this.#parts);
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweepTimer.by(next);
  }
}

/** A run, and who asked the same meanwhile. */
type SharedRun = { joined: Joined[] };
type Joined = Waiter & { readonly checked: CheckedInputs };

/** Its time with the run that failed was waiting. */
function afterWaiting({ asker, arrivedAt }: Joined): Asker {
  return {
    answered: (answer) => asker.answered({ ...answer, stages: waitedSince(answer.stages, arrivedAt) }),
    failed: (error) => asker.failed(error),
  };
}

function copyOf({ name, datatype, shape, data }: Tensor): Tensor {
  return { name, datatype, shape, data: data.slice() as Tensor['data'] };
}
