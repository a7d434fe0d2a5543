import type { SpanContext } from '@opentelemetry/api';
import type { BatchFacts } from '../engine/inference.ts';
import { batchAttributes } from './batch-attributes.ts';
import { type Ids, newIds, sampled } from './ids.ts';
import { spanNames } from './names.ts';
import { tellPast } from './past-spans.ts';

/**
 * The spans of batches. A batch has one when a member's trace is kept, in a trace of its own, linked with its kept members both ways. The members end one
 * after the other, so a batch waits for their fate, for a while: who ends later links to the batch, and is not linked by it.
 */
export class BatchSpans {
  readonly #waitMs: number;
  readonly #waitingMax: number;
  /** In the order they came. */
  readonly #waiting = new Map<BatchFacts, { members: SpanContext[]; sinceMs: number }>();
  readonly #ids = new WeakMap<BatchFacts, Ids>();
  #timer: NodeJS.Timeout | undefined;

  constructor({ waitMs = 500, waitingMax = 1_000 } = {}) {
    this.#waitMs = waitMs;
    this.#waitingMax = waitingMax;
  }

  /** A member is kept: `run` is its span in the batch. Answers the batch's, for the link back. */
  join(batch: BatchFacts, run: SpanContext): SpanContext {
    const known = this.#ids.get(batch);
    const ids = known ?? newIds();
    if (!known) {
      this.#ids.set(batch, ids);
      this.#waiting.set(batch, { members: [], sinceMs: performance.now() });
      this.#timer ??= setTimeout(() => this.#makeDue(), this.#waitMs).unref();
    }
    const waiting = this.#waiting.get(batch);
    if (waiting) {
      waiting.members.push(run);
      if (waiting.members.length >= batch.inputs) this.#make(batch, waiting.members);
      else if (this.#waiting.size > this.#waitingMax) this.#makeOldest();
    }
    return sampled(ids);
  }

  /** Its trace; undefined while none of its members is kept. */
  traceIdOf(batch: BatchFacts): string | undefined {
    return this.#ids.get(batch)?.traceId;
  }

  /** Makes all that wait: nothing will come any more. */
  settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.size > 0) this.#makeOldest();
  }

  #makeDue(): void {
    this.#timer = undefined;
    const dueMs = performance.now() - this.#waitMs;
    for (const [batch, { members, sinceMs }] of this.#waiting) {
      if (sinceMs > dueMs) {
        this.#timer = setTimeout(() => this.#makeDue(), sinceMs - dueMs + 1).unref();
        return;
      }
      this.#make(batch, members);
    }
  }

  #makeOldest(): void {
    for (const [batch, { members }] of this.#waiting) {
      this.#make(batch, members);
      return;
    }
  }

  #make(batch: BatchFacts, members: readonly SpanContext[]): void {
    this.#waiting.delete(batch);
    tellPast({
      name: spanNames.batch.name,
      ids: this.#ids.get(batch)!,
      startMs: performance.timeOrigin + batch.startedAt,
      endMs: performance.timeOrigin + batch.endedAt,
      attributes: {
        ...batchAttributes(batch),
        'inference.model.name': batch.model,
        'inference.model.version': batch.version,
      },
      links: members,
      error: batch.outcome === 'ran' ? undefined : batch.outcome,
    });
  }
}

/** Those of this process; the telemetry settles them when it stops. */
export const batchSpans = new BatchSpans();
