import type { Ledger } from './ledger.ts';
import type { Signal } from './signals.ts';

export type OutboxOptions<Item, Batch> = {
  signal: Signal;
  ledger: Ledger;
  /** `isBehind`: more than half of what may wait does. */
  accept: (batch: Batch, count: number, isBehind: boolean) => Promise<void>;
  parcel: Parcel<Item, Batch>;
  memoryItemsMax: number;
  waitMsMax: number;
};

/**
 * Batches ended spans and log records for a moment. It replaces the SDK's batch processors: they
 * dequeue before a batch is safe and do not count what they drop. Adding never blocks; a full
 * outbox drops the new item and counts it.
 */
export class Outbox<Item, Batch> {
  readonly #options: OutboxOptions<Item, Batch>;
  readonly #full: { readonly batch: Batch; readonly count: number }[] = [];
  #count = 0;
  #timer: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;

  constructor(options: OutboxOptions<Item, Batch>) {
    this.#options = options;
    options.ledger.watch(options.signal, () => ({ memory: this.#count, spooled: 0, spooledBytes: 0 }));
  }

  add(item: Item): void {
    const { signal, ledger, memoryItemsMax, parcel, waitMsMax } = this.#options;
    ledger.account(signal).made += 1;
    if (this.#count >= memoryItemsMax) {
      ledger.drop(signal, 'memory_full', 1);
      return;
    }
    this.#count += 1;
    parcel.add(item);
    if (parcel.isFull) {
      this.#close();
      void this.drain();
    } else this.#timer ??= setTimeout(() => void this.drain(), waitMsMax).unref();
  }

  /** Hands on everything that waits; comes back when it is safe. */
  drain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#draining) return this.#draining;
    if (this.#count === 0) return Promise.resolve();
    this.#draining = this.#drainAll();
    return this.#draining;
  }

  #close(): void {
    const { count } = this.#options.parcel;
    this.#full.push({ batch: this.#options.parcel.take(), count });
  }

  async #drainAll(): Promise<void> {
    try {
      while (this.#count > 0) {
        if (this.#full.length === 0) this.#close();
        const { batch, count } = this.#full.shift()!;
        this.#count -= count;
        await this.#options.accept(batch, count, this.#count > this.#options.memoryItemsMax / 2);
      }
    } finally {
      // In the same turn as the last look at the items: an item added after it must not be promised to a
      // drain that is over.
      this.#draining = undefined;
    }
  }
}

/** Items that wait to leave together. */
export class Parcel<Item, Batch> {
  readonly #itemsMax: number;
  readonly #pack: (items: Item[]) => Batch;
  #items: Item[] = [];

  constructor(itemsMax: number, pack: (items: Item[]) => Batch) {
    this.#itemsMax = itemsMax;
    this.#pack = pack;
  }

  get count(): number {
    return this.#items.length;
  }

  get isFull(): boolean {
    return this.#items.length >= this.#itemsMax;
  }

  add(item: Item): void {
    this.#items.push(item);
  }

  /** Leaves it empty. */
  take(): Batch {
    const items = this.#items;
    this.#items = [];
    return this.#pack(items);
  }
}
