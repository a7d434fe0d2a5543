import { setTimeout as pause } from 'node:timers/promises';
import { backOff } from './back-off.ts';
import type { Ledger } from './ledger.ts';
import type { LiveExport } from './live-export.ts';
import { type OtlpRequest, requestBytesMax } from './otlp-requests.ts';
import type { OtlpSender, SendOutcome } from './otlp-sender.ts';
import type { Signal } from './signals.ts';
import type { Spool } from './spool.ts';
import type { Entry } from './spool-entry.ts';

export type DurableExportOptions<Items> = {
  signal: Signal;
  live: LiveExport<Items>;
  /** For what comes back from the disk. */
  sender: OtlpSender;
  serialize: (items: Items) => OtlpRequest[];
  spool: Spool;
  ledger: Ledger;
  spoolAfterMs: number;
  onRefused: (signal: Signal, items: number, reason: string) => void;
};

/**
 * After so many attempts in a row a stop takes the Collector, or the disk, for down; they take
 * about a second.
 */
const failuresAtStopMax = 4;
/** How often what cannot be read is looked for again, when nothing else waits. */
const asideLookMs = 1_000;

/**
 * Gets items to the Collector. It sends them once, live. Items that are not acknowledged at once
 * wait on disk and are sent again, oldest first. They end when they are acknowledged, refused for
 * good, or beyond the spool's limits.
 * While anything waits on disk, new items queue behind it, so points arrive in order.
 */
export class DurableExport<Items> {
  readonly #options: DurableExportOptions<Items>;
  #accepting = 0;
  #sending: Promise<void> | undefined;
  #replaying: Promise<void> | undefined;
  /** Attempts in a row that failed. */
  #failures = 0;
  readonly #stop = new AbortController();

  constructor(options: DurableExportOptions<Items>) {
    this.#options = options;
    const { signal, spool, ledger } = options;
    ledger.watch(signal, () => ({
      memory: this.#accepting + spool.memoryItems(signal),
      spooled: spool.items(signal),
      spooledBytes: spool.diskBytes(signal),
    }));
    this.#replay();
  }

  /**
   * Takes items that were counted as made. Comes back when they are with the Collector, in the spool,
   * or counted as lost: within `spoolAfterMs` and a disk write, however slow the Collector is. One
   * call at a time. A Collector that takes less than there `isBehind` gets it from the disk: that is
   * quicker than any Collector, and memory would be full.
   */
  async accept(items: Items, count: number, isBehind = false): Promise<void> {
    const { signal, spool, spoolAfterMs } = this.#options;
    this.#accepting += count;
    if (isBehind || this.#sending || !spool.isIdle(signal)) {
      await this.#keep(items, 'waiting');
      this.#replay();
      return;
    }
    const sent = this.#options.live.send(items, count);
    const sending = sent.then(() => undefined);
    this.#sending = sending;
    const settle = () => {
      if (this.#sending === sending) this.#sending = undefined;
    };
    const early = await Promise.race([sent, pause(spoolAfterMs, undefined, { ref: false })]);
    if (early) {
      settle();
      await this.#conclude(early, items, count);
      return;
    }
    // In doubt: it stands on disk before anything else happens to the process, and leaves it again when
    // the answer comes.
    const entries = await this.#keep(items, 'held');
    void sent.then(async (late) => {
      settle();
      await this.#release(entries, late);
    });
  }

  /**
   * Sends what waits, until nothing does, the deadline passes, or the Collector is down: a stop does
   * not wait for it. The rest stays on disk for the next start.
   */
  async flush(deadlineMs: number): Promise<void> {
    const endsAt = performance.now() + deadlineMs;
    const { signal, spool } = this.#options;
    while (
      (this.#sending || (!spool.isIdle(signal) && this.#failures < failuresAtStopMax)) &&
      performance.now() < endsAt
    ) {
      this.#replay();
      const remainingMs = Math.max(1, endsAt - performance.now());
      await Promise.race([Promise.all([this.#sending, this.#replaying]), pause(Math.min(remainingMs, 50))]);
    }
  }

  async shutdown(): Promise<void> {
    this.#stop.abort();
    await this.#options.live.shutdown();
    this.#options.sender.close();
    await this.#replaying;
  }

  async #conclude(outcome: SendOutcome, items: Items, count: number): Promise<void> {
    switch (outcome.state) {
      case 'exported':
        this.#accepting -= count;
        this.#book(outcome, count, false);
        return;
      case 'refused':
        this.#accepting -= count;
        this.#refuse(count, outcome.reason);
        return;
      case 'failed':
        await this.#keep(items, 'waiting');
        this.#replay();
    }
  }

  async #keep(items: Items, state: 'held' | 'waiting'): Promise<Entry[]> {
    const { signal, spool, ledger, serialize } = this.#options;
    const entries = serialize(items).map((request) => {
      // From this turn on they are on the spool's books, or the ledger's.
      this.#accepting -= request.items;
      if (request.bytes.length <= requestBytesMax) return spool.append(signal, request, state);
      ledger.drop(signal, 'too_large', request.items);
      return undefined;
    });
    return (await Promise.all(entries)).filter((entry) => entry !== undefined);
  }

  /** The answer to a request that also stands on disk. */
  async #release(entries: Entry[], outcome: SendOutcome): Promise<void> {
    const { spool } = this.#options;
    let rejected = outcome.state === 'exported' ? outcome.rejected : 0;
    for (const entry of entries) {
      if (outcome.state === 'failed') {
        entry.state = 'waiting';
        continue;
      }
      const removed = spool.remove(entry);
      if (outcome.state === 'refused') this.#refuse(entry.items, outcome.reason);
      else {
        const share = Math.min(rejected, entry.items);
        rejected -= share;
        this.#book({ ...outcome, rejected: share }, entry.items, false);
      }
      await removed;
    }
    this.#replay();
  }

  /** Starts sending what waits on disk, unless that is going on already. */
  #replay(): void {
    if (this.#replaying || this.#stop.signal.aborted) return;
    this.#replaying = this.#replayAll().finally(() => {
      this.#replaying = undefined;
    });
  }

  async #replayAll(): Promise<void> {
    const { signal, spool, sender } = this.#options;
    while (!this.#stop.signal.aborted) {
      const entry = spool.oldest(signal);
      if (!entry) {
        if (spool.isEmpty(signal)) return;
        // What is set aside comes back by itself.
        await pause(asideLookMs, undefined, { signal: this.#stop.signal, ref: false }).catch(() => undefined);
        continue;
      }
      if (entry.state !== 'waiting') return;
      entry.state = 'held';
      const bytes = await spool.read(entry);
      if (bytes === 'gone') continue;
      // Stopped while it was read: its sender is closed.
      const outcome = bytes === 'later' || this.#stop.signal.aborted ? 'later' : await sender.send(bytes);
      if (outcome === 'later' || outcome.state === 'failed') {
        entry.state = 'waiting';
        this.#failures += 1;
        await backOff(this.#failures, this.#stop.signal);
        continue;
      }
      this.#failures = 0;
      const removed = spool.remove(entry);
      if (outcome.state === 'exported') this.#book(outcome, entry.items, true);
      else this.#refuse(entry.items, outcome.reason);
      await removed;
    }
  }

  #book(outcome: { rejected: number; reason: string }, count: number, replayed: boolean): void {
    const account = this.#options.ledger.account(this.#options.signal);
    const rejected = Math.min(outcome.rejected, count);
    account.exported += count - rejected;
    if (replayed) account.replayed += count - rejected;
    if (rejected > 0) this.#refuse(rejected, outcome.reason);
  }

  #refuse(count: number, reason: string): void {
    this.#options.ledger.account(this.#options.signal).refused += count;
    this.#options.onRefused(this.#options.signal, count, reason);
  }
}
