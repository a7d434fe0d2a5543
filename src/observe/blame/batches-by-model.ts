import type { Span } from '../../spans-of-time.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';

/** Batches by model and version, in the order of their ends, to find the ones of a time quickly. */
export class BatchesByModel {
  readonly #batches = new Map<string, StoredBatch[]>();

  constructor(newestFirst: readonly StoredBatch[]) {
    for (let at = newestFirst.length - 1; at >= 0; at -= 1) {
      const batch = newestFirst[at]!;
      const key = keyOf(batch.model, batch.version);
      const known = this.#batches.get(key);
      if (known) known.push(batch);
      else this.#batches.set(key, [batch]);
    }
  }

  during(model: string, version: string | undefined, { from, to }: Span): StoredBatch[] {
    const all = this.#batches.get(keyOf(model, version ?? '')) ?? [];
    let low = 0;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle]!.endedAt > from) high = middle;
      else low = middle + 1;
    }
    const found: StoredBatch[] = [];
    // Several lanes end in another order than they began: a few more are looked at.
    for (let at = low; at < all.length && (all[at]!.startedAt < to || at - low < lanesMax); at += 1)
      if (all[at]!.startedAt < to) found.push(all[at]!);
    return found;
  }
}

const lanesMax = 64;

function keyOf(model: string, version: string): string {
  return `${model}\0${version}`;
}
