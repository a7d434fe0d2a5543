import type { SpanContext } from '@opentelemetry/api';
import type { BatchFacts } from '../engine/inference.ts';
import { type Ids, newIds, sampled } from '../telemetry/ids.ts';
import { attribute, spanNames } from '../telemetry/names/names.ts';
import { recordSpan } from '../telemetry/spans.ts';
import { batchAttributes, nameOfBatch } from './batch-attributes.ts';

/**
 * The spans of batches. A batch has one when a member's trace is kept, in a trace of its own,
 * linked with its kept members both ways. The members end one after the other, so a batch waits for
 * their fate, for a while: who ends later links to the batch, and is not linked by it.
 */
export class BatchSpans {
  readonly #waitMs: number;
  readonly #waitingMax: number;
  /** In the order they came. */
  readonly #waiting = new Map<BatchFacts, { ids: Ids; members: SpanContext[]; sinceMs: number }>();
  /**
   * The last batches that have a span, by name: who stores a batch need not keep the object.
   */
  readonly #ids = new Map<string, Ids>();
  readonly #rememberedMax: number;
  #timer: NodeJS.Timeout | undefined;

  constructor({ waitMs = 500, waitingMax = 1_000, rememberedMax = 20_000 } = {}) {
    this.#waitMs = waitMs;
    this.#waitingMax = waitingMax;
    this.#rememberedMax = rememberedMax;
  }

  /** A member is kept: `run` is its span in the batch. Answers the batch's, for the link back. */
  join(batch: BatchFacts, run: SpanContext): SpanContext {
    const known = this.#ids.get(nameOfBatch(batch));
    const ids = known ?? newIds();
    if (!known) {
      this.#remember(batch, ids);
      this.#waiting.set(batch, { ids, members: [], sinceMs: performance.now() });
      this.#timer ??= setTimeout(() => this.#makeDue(), this.#waitMs).unref();
    }
    const waiting = this.#waiting.get(batch);
    if (waiting) {
      waiting.members.push(run);
      if (waiting.members.length >= batch.inputs) this.#make(batch, waiting);
      else if (this.#waiting.size > this.#waitingMax) this.#makeOldest();
    }
    return sampled(ids);
  }

  /** Its trace; undefined while none of its members is kept. */
  traceIdOf(batch: BatchFacts): string | undefined {
    return this.#ids.get(nameOfBatch(batch))?.traceId;
  }

  /** Makes all that wait: nothing will come any more. */
  settle(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.size > 0) this.#makeOldest();
  }

  #remember(batch: BatchFacts, ids: Ids): void {
    if (this.#ids.size >= this.#rememberedMax)
      for (const oldest of this.#ids.keys()) {
        this.#ids.delete(oldest);
        break;
      }
    this.#ids.set(nameOfBatch(batch), ids);
  }

  #makeDue(): void {
    this.#timer = undefined;
    const dueMs = performance.now() - this.#waitMs;
    for (const [batch, waiting] of this.#waiting) {
      if (waiting.sinceMs > dueMs) {
        this.#timer = setTimeout(() => this.#makeDue(), waiting.sinceMs - dueMs + 1).unref();
        return;
      }
      this.#make(batch, waiting);
    }
  }

  #makeOldest(): void {
    for (const [batch, waiting] of this.#waiting) {
      this.#make(batch, waiting);
      return;
    }
  }

  #make(batch: BatchFacts, { ids, members }: { ids: Ids; members: readonly SpanContext[] }): void {
    this.#waiting.delete(batch);
    recordSpan({
      name: spanNames.batch.name,
      ids,
      startMs: performance.timeOrigin + batch.startedAt,
      endMs: performance.timeOrigin + batch.endedAt,
      attributes: {
        ...batchAttributes(batch),
        [attribute.modelName]: batch.model,
        [attribute.modelVersion]: batch.version,
      },
      links: members,
      error: batch.outcome === 'ran' ? undefined : batch.outcome,
    });
  }
}

/** Of this process; settled when the service stops. */
export const batchSpans = new BatchSpans();
