import type { Ledger } from './ledger.ts';
import type { Signal } from './signals.ts';

export type OutboxOptions<Item> = {
  signal: Signal;
  ledger: Ledger;
  accept: (batch: Item[], count: number) => Promise<void>;
  batchItemsMax: number;
  memoryItemsMax: number;
  waitMsMax: number;
};

/**
 * Where ended spans and log records wait, for a moment, for company. It takes the place of the SDK's batch processors, which take a batch off
 * their queue before it is safe and do not say what they drop. Adding never blocks; a full outbox drops the new item and counts it.
 */
export class Outbox<Item> {
  readonly #options: OutboxOptions<Item>;
  #items: Item[] = [];
  #timer: NodeJS.Timeout | undefined;
  #draining: Promise<void> | undefined;

  constructor(options: OutboxOptions<Item>) {
    this.#options = options;
    options.ledger.watch(options.signal, () => ({ memory: this.#items.length, spooled: 0, spooledBytes: 0 }));
  }

  add(item: Item): void {
    const { signal, ledger, memoryItemsMax, batchItemsMax, waitMsMax } = this.#options;
    ledger.account(signal).made += 1;
    if (this.#items.length >= memoryItemsMax) {
      ledger.drop(signal, 'memory_full', 1);
      return;
    }
    this.#items.push(item);
    if (this.#items.length >= batchItemsMax) void this.drain();
    else this.#timer ??= setTimeout(() => void this.drain(), waitMsMax).unref();
  }

  /** Hands on everything that waits; comes back when it is safe. */
  drain(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#draining) return this.#draining;
    if (this.#items.length === 0) return Promise.resolve();
    this.#draining = this.#drainAll();
    return this.#draining;
  }

  async #drainAll(): Promise<void> {
    try {
      while (this.#items.length > 0) {
        const batch = this.#items.slice(0, this.#options.batchItemsMax);
        this.#items = this.#items.slice(batch.length);
        await this.#options.accept(batch, batch.length);
      }
    } finally {
      // In the same turn as the last look at the items: an item added after it must not be promised to a drain that is over.
      this.#draining = undefined;
    }
  }
}
