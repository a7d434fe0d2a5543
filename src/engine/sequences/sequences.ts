import { performance } from 'node:perf_hooks';
import { SweepTimer } from '../batching/sweep-timer.ts';
import { dropOverdue, failWaiter, isOverdue, type Waiter } from '../drop-overdue.ts';
import type { EngineObserver } from '../engine-observer.ts';
import type { Asker, InferAnswer, InferRequest, SequenceEnd } from '../inference.ts';
import { sequenceBusy, sequenceNotFound } from '../inference-failures.ts';
import { ownedOf, tensorsOf } from '../owned.ts';
import type { Manifest } from '../registry/manifest.ts';
import type { StateTerms } from '../registry/manifest-schema.ts';
import type { Statistics } from '../statistics.ts';
import { bytesOfAll, type Tensor } from '../tensor.ts';
import { waitedSince } from '../waited-since.ts';
import { firstState, headsWithState, isAnswered, nextState, outputsWithState } from './model-state.ts';
import type { SequenceBudgets } from './sequence-budgets.ts';

const sweepMsMax = 1000;

/**
 * The sequences of one version of a model. Between two calls their state is here and not in a lane,
 * so a lane that is lost takes none with it. A call that fails leaves the state as it was: it may
 * be sent again.
 */
export class Sequences {
  readonly #manifest: Manifest;
  readonly #terms: StateTerms;
  readonly #budgets: SequenceBudgets;
  readonly #statistics: Statistics;
  readonly #observer: EngineObserver;
  readonly #run: (request: InferRequest, asker: Asker) => void;
  /** By their client and their id. */
  readonly #open = new Map<string, Sequence>();
  readonly #sweepTimer = new SweepTimer(() => this.#sweep());
  #bytes = 0;

  constructor(of: {
    manifest: Manifest;
    terms: StateTerms;
    budgets: SequenceBudgets;
    statistics: Statistics;
    observer: EngineObserver;
    /** Runs a request that has its state among its inputs. It may throw. */
    run: (request: InferRequest, asker: Asker) => void;
  }) {
    this.#manifest = of.manifest;
    this.#terms = of.terms;
    this.#budgets = of.budgets;
    this.#statistics = of.statistics;
    this.#observer = of.observer;
    this.#run = of.run;
  }

  get #parts() {
    return { model: this.#manifest.name, statistics: this.#statistics, observer: this.#observer };
  }

  get count(): number {
    return this.#open.size;
  }

  /** Of their states. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Throws where the call is refused at once. */
  submit(request: InferRequest, asker: Asker): void {
    const call = { request, asker, arrivedAt: performance.now() };
    const { id, start, end } = request.sequence!;
    const client = request.tenant ?? '';
    const key = `${client}\0${id}`;
    headsWithState(this.#manifest, tensorsOf(request.inputs));
    const known = this.#open.get(key);
    if (known?.isRunning) {
      this.#wait(known, call);
      return;
    }
    if (!known && !start) throw sequenceNotFound(this.#manifest.name, this.#terms.idle_ms_max, end);
    this.#begin(known ?? this.#openOne(key, client), call);
  }

  /** Its model takes nobody any more, and has answered all that it had. */
  close(): void {
    this.#sweepTimer.clear();
    for (const sequence of this.#open.values()) this.#end(sequence, 'unloaded');
  }

  #wait(sequence: Sequence, call: Waiter): void {
    const { at_once: atOnce, queued_max: queuedMax } = this.#terms;
    const { line } = sequence;
    if (atOnce === 'refuse' || line.length >= queuedMax)
      throw sequenceBusy(this.#manifest.name, atOnce === 'refuse' ? undefined : line.length);
    const { request, arrivedAt } = call;
    const tensors = tensorsOf(request.inputs);
    request.follower?.arrived(arrivedAt, line.length, 0, 1, 0, tensors[0]?.shape[0] ?? 1, bytesOfAll(tensors));
    line.push(call);
    this.#sweepTimer.by(Math.min(request.deadlineAt, arrivedAt + sweepMsMax));
  }

  #openOne(key: string, client: string): Sequence {
    this.#budgets.count.take(client, 1);
    const sequence = { key, client, tensors: undefined, bytes: 0, isRunning: false, line: [], usedAt: 0 };
    this.#open.set(key, sequence);
    return sequence;
  }

  #begin(sequence: Sequence, call: Waiter): void {
    const { request, asker } = call;
    const given = tensorsOf(request.inputs);
    const isFresh = request.sequence!.start || sequence.tensors === undefined;
    const state = isFresh ? firstState(this.#manifest, given) : sequence.tensors!;
    sequence.isRunning = true;
    try {
      this.#run(
        {
          ...request,
          sequence: undefined,
          // Not owned: the state is needed again when the run fails.
          inputs: [...given, ...state],
          outputs: outputsWithState(this.#manifest, request.outputs),
        },
        {
          answered: (answer) => this.#answered(sequence, call, answer),
          failed: (error) => this.#failed(sequence, asker, error),
        },
      );
    } catch (error) {
      this.#failed(sequence, asker, error as Error);
    }
  }

  #answered(sequence: Sequence, { request, asker, arrivedAt }: Waiter, answer: InferAnswer): void {
    const { start, end } = request.sequence!;
    try {
      if (start && sequence.tensors !== undefined) this.#observer.sequenceEnded(this.#manifest.name, 'restarted');
      if (end) this.#end(sequence, 'ended');
      else this.#store(sequence, nextState(this.#manifest, answer.outputs));
    } catch (error) {
      answer.owned?.release();
      this.#failed(sequence, asker, error as Error);
      return;
    }
    ownedOf(request.inputs)?.release();
    asker.answered({
      ...answer,
      outputs: answer.outputs.filter(({ name }) => isAnswered(this.#manifest, request.outputs, name)),
      // It waited for its turn in the sequence first.
      stages: waitedSince(answer.stages, arrivedAt),
    });
    this.#goOn(sequence);
  }

  #failed(sequence: Sequence, asker: Asker, error: Error): void {
    // What never was answered has not begun.
    if (sequence.tensors === undefined) this.#remove(sequence);
    asker.failed(error);
    this.#goOn(sequence);
  }

  /** Throws where the client may not hold as much; the state stays as it was then. */
  #store(sequence: Sequence, tensors: readonly Tensor[]): void {
    const { client, bytes: before } = sequence;
    const bytes = bytesOfAll(tensors);
    if (bytes !== before) {
      this.#budgets.bytes.giveBack(client, before);
      try {
        this.#budgets.bytes.take(client, bytes);
      } catch (error) {
        this.#budgets.bytes.charge(client, before);
        throw error;
      }
    }
    this.#bytes += bytes - before;
    Object.assign(sequence, { tensors, bytes });
  }

  /** The next call of the sequence, if one waits. */
  #goOn(sequence: Sequence): void {
    sequence.isRunning = false;
    sequence.usedAt = performance.now();
    const isOpen = this.#open.get(sequence.key) === sequence;
    const next = sequence.line.shift();
    if (isOpen && next) {
      this.#begin(sequence, next);
      return;
    }
    if (isOpen) {
      this.#sweepTimer.by(sequence.usedAt + this.#terms.idle_ms_max);
      return;
    }
    // It has ended: those who wait come to one that is to be started.
    for (const call of next ? [next, ...sequence.line.splice(0)] : [])
      try {
        this.submit(call.request, call.asker);
      } catch (error) {
        failWaiter(call, this.#statistics, error as Error);
      }
  }

  #end(sequence: Sequence, why: SequenceEnd): void {
    this.#remove(sequence);
    this.#observer.sequenceEnded(this.#manifest.name, why);
  }

  #remove(sequence: Sequence): void {
    this.#open.delete(sequence.key);
    this.#budgets.count.giveBack(sequence.client, 1);
    this.#budgets.bytes.giveBack(sequence.client, sequence.bytes);
    this.#bytes -= sequence.bytes;
    sequence.bytes = 0;
  }

  /** Drops who was idle for too long, and answers who waits for a turn that came too late. */
  #sweep(): void {
    this.#sweepTimer.clear();
    const now = performance.now();
    let next = Number.POSITIVE_INFINITY;
    for (const sequence of this.#open.values()) {
      if (!sequence.isRunning) {
        const idleAt = sequence.usedAt + this.#terms.idle_ms_max;
        if (idleAt <= now) this.#end(sequence, 'idle');
        else next = Math.min(next, idleAt);
        continue;
      }
      const over = sequence.line.filter(({ request }) => isOverdue(request, now));
      sequence.line = sequence.line.filter((call) => !over.includes(call));
      for (const call of over) dropOverdue(call, now, this.#parts);
      for (const { request } of sequence.line) next = Math.min(next, request.deadlineAt, now + sweepMsMax);
    }
    if (next < Number.POSITIVE_INFINITY) this.#sweepTimer.by(next);
  }
}

type Sequence = {
  readonly key: string;
  readonly client: string;
  /** As inputs of the next call; undefined until the first was answered. */
  tensors: readonly Tensor[] | undefined;
  bytes: number;
  isRunning: boolean;
  /** Calls that came while another was under way. */
  line: Waiter[];
  usedAt: number;
};
