import type { BatchFacts } from '../../engine/inference.ts';

/** What was sent to lanes at once: batches that began together in one lane were one message. */
export class LaneMessages {
  readonly #batchesOf: ReadonlyMap<string, readonly BatchFacts[]>;

  constructor(batches: readonly BatchFacts[]) {
    this.#batchesOf = Map.groupBy(batches, keyOf);
  }

  [Symbol.iterator](): Iterator<readonly BatchFacts[]> {
    return this.#batchesOf.values();
  }

  /**
   * How long a batch held its lane. The others of its message ran in the same time and are not its
   * own.
   */
  heldMs(batch: BatchFacts): number {
    const all = this.#batchesOf.get(keyOf(batch)) ?? [batch];
    const othersMs = all.reduce((sum, { id, sessionMs }) => sum + (id === batch.id ? 0 : sessionMs), 0);
    return Math.max(batch.sessionMs, batch.endedAt - batch.startedAt - othersMs);
  }
}

function keyOf({ lane, startedAt }: BatchFacts): string {
  return `${lane} ${startedAt}`;
}
