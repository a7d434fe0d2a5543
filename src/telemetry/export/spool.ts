import { setTimeout as pause } from 'node:timers/promises';
import { ServiceError } from '../../errors.ts';
import { backOff } from './back-off.ts';
import type { DropReason, Ledger } from './ledger.ts';
import type { OtlpRequest } from './otlp-requests.ts';
import { type Signal, signals } from './signals.ts';
import { isFull, messageOf, SpoolDisk } from './spool-disk.ts';
import { type Entry, findEntries, newEntry } from './spool-entry.ts';

export type SpoolOptions = {
  folder: string;
  bytesMax: number;
  memoryBytesMax: number;
  ageMsMax: number;
  ledger: Ledger;
  onTrouble: (sentence: string) => void;
};

type Books = { items: number; diskBytes: number; memoryItems: number; memoryBytes: number; memoryDiskBytes: number };

/**
 * After the first failed write, deliveries wait this long for the disk; later, their sender must
 * come again.
 */
const settleMsMax = 1_000;
const closePauseMs = 100;
/** Five and a half seconds in all. */
const openAttemptsMax = 11;
const openPauseMs = 100;

/**
 * Telemetry that waits on disk, oldest first, within a limit of bytes and of age. What the disk
 * refuses waits in memory, within a limit too, and is tried again, so that a failure of a moment
 * loses nothing.
 */
export class Spool {
  readonly #options: SpoolOptions;
  readonly #disk: SpoolDisk;
  readonly #entries: Record<Signal, Entry[]> = { traces: [], metrics: [], logs: [] };
  readonly #books: Record<Signal, Books> = { traces: emptyBooks(), metrics: emptyBooks(), logs: emptyBooks() };
  readonly #closing = new AbortController();
  #retrying: Promise<void> | undefined;
  #sequence = 0;

  private constructor(options: SpoolOptions) {
    this.#options = options;
    this.#disk = new SpoolDisk({ onTrouble: options.onTrouble, onLeft: () => this.#retry() });
  }

  /** Opens the folder and finds what an earlier process left there. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    for (const signal of signals) await spool.#recover(signal);
    return spool;
  }

  /** Whether nothing waits here for its turn; what is set aside holds up nobody. */
  isIdle(signal: Signal): boolean {
    return this.oldest(signal) === undefined;
  }

  isEmpty(signal: Signal): boolean {
    return this.#entries[signal].length === 0;
  }

  get writable(): boolean {
    return this.#disk.writable;
  }

  get trouble(): string | undefined {
    return this.#disk.trouble;
  }

  /** Items whose file is complete. */
  items(signal: Signal): number {
    return this.#books[signal].items;
  }

  /** Items that the disk has not taken yet. */
  memoryItems(signal: Signal): number {
    return this.#books[signal].memoryItems;
  }

  diskBytes(signal: Signal): number {
    return this.#books[signal].diskBytes;
  }

  oldest(signal: Signal): Entry | undefined {
    this.#dropTooOld();
    const now = performance.now();
    return this.#entries[signal].find((entry) => entry.asideUntil <= now);
  }

  /**
   * Stores the request on disk, or in memory while the disk refuses it. Answers undefined when both
   * are full: then it was counted as dropped. Its items are on the books, or the ledger's, in the
   * turn of the call, so they are counted once.
   */
  append(signal: Signal, request: OtlpRequest, state: Entry['state']): Promise<Entry | undefined> {
    this.#dropTooOld();
    const entry = newEntry(this.#options.folder, { signal, sequence: ++this.#sequence, state }, request);
    const dropped: Promise<void>[] = [];
    let fits = entry.diskBytes <= this.#options.bytesMax;
    while (fits && this.#diskBytesOfAll() + entry.diskBytes > this.#options.bytesMax) {
      const oldest = this.#dropOldestOfAll('spool_full');
      if (oldest) dropped.push(oldest);
      else fits = false;
    }
    if (!fits) {
      this.#options.ledger.drop(signal, 'spool_full', entry.items);
      return Promise.resolve(undefined);
    }
    this.#add(entry);
    return Promise.all(dropped).then(() => this.#store(entry));
  }

  /**
   * The bytes of an entry. `gone`: it cannot be read any more and was counted as dropped; `later`: it
   * could not be read now.
   */
  async read(entry: Entry): Promise<Uint8Array | 'gone' | 'later'> {
    if (entry.bytes) return entry.bytes;
    const read = await this.#disk.read(entry);
    if (read === 'gone') await this.#drop(entry, 'spool_unreadable');
    return read;
  }

  async remove(entry: Entry): Promise<void> {
    this.#forget(entry);
    await entry.write;
    if (entry.bytes === undefined) await this.#disk.remove(entry.file);
  }

  /** Whether all items recorded so far are on disk, or gone from here, within a moment. */
  async settled(signal: Signal): Promise<boolean> {
    if (this.memoryItems(signal) > 0) await this.#writeAll();
    const waitMs = (this.#disk.unwritableSince ?? 0) + settleMsMax - performance.now();
    if (this.memoryItems(signal) > 0 && waitMs > 0)
      await Promise.race([this.#retrying, pause(waitMs, undefined, { ref: false })]);
    return this.memoryItems(signal) === 0;
  }

  /**
   * The last attempts to write what is still in memory; what the disk does not take by then is
   * counted as dropped.
   */
  async close(deadlineMs: number): Promise<void> {
    const endsAt = performance.now() + deadlineMs;
    this.#closing.abort();
    await this.#retrying;
    while (!(await this.#writeAll()) && performance.now() < endsAt) await pause(closePauseMs);
    for (const signal of signals)
      for (const entry of this.#entries[signal].filter(inMemory)) await this.#drop(entry, 'spool_unwritable');
    this.#disk.reportLeft();
  }

  /** A disk that fails for a moment does not keep the service from starting. */
  async #recover(signal: Signal): Promise<void> {
    for (const entry of await this.#findPatiently(signal)) {
      this.#sequence = Math.max(this.#sequence, entry.sequence);
      this.#add(entry);
      this.#options.ledger.account(signal).recovered += entry.items;
    }
  }

  async #findPatiently(signal: Signal): Promise<Entry[]> {
    const { folder, onTrouble } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await findEntries(folder, signal);
      } catch (cause) {
        if (attempt === openAttemptsMax)
          throw new ServiceError(
            'invalid_setting',
            `Cannot open the telemetry spool: ${messageOf(cause)}; see that the folder of VITRINE_DATA can be read and written and its disk is not full.`,
            { cause },
          );
        if (attempt === 1) onTrouble(`Cannot open the telemetry spool: ${messageOf(cause)}; it is tried again.`);
        await pause(openPauseMs * attempt);
      }
    }
  }

  /**
   * Writes it at once, or leaves it to the retries; beyond the limit of memory, the newest has to go.
   */
  async #store(entry: Entry): Promise<Entry | undefined> {
    while (!entry.isGone) {
      const failure = await this.#write(entry);
      if (failure === undefined) return entry;
      if (this.#memoryBytesOfAll() <= this.#options.memoryBytesMax) {
        this.#retry();
        return entry;
      }
      // A full disk takes the newest only when there is nothing older of ours to make room with.
      const room = isFull(failure) ? this.#dropOldestOfAll('spool_full') : undefined;
      if (room) await room;
      else if (!entry.isGone) await this.#drop(entry, 'spool_unwritable');
    }
    return undefined;
  }

  /** Until the disk has taken everything. */
  #retry(): void {
    if (this.#retrying || this.#closing.signal.aborted) return;
    this.#retrying = this.#retryAll().finally(() => {
      this.#retrying = undefined;
    });
  }

  async #retryAll(): Promise<void> {
    for (let failures = 1; !this.#closing.signal.aborted; failures += 1) {
      await backOff(failures, this.#closing.signal);
      if (await this.#writeAll()) return;
    }
  }

  /** Whether nothing is left to be written or removed. */
  async #writeAll(): Promise<boolean> {
    for (const signal of signals)
      for (const entry of this.#entries[signal].filter(inMemory)) {
        while (entry.write) await entry.write;
        // It may have been sent while another was written.
        if (inMemory(entry) && !entry.isGone && (await this.#write(entry))) return false;
      }
    return this.#disk.removeLeft();
  }

  /** Answers the error that the write failed by. */
  #write(entry: Entry): Promise<unknown> {
    const written = this.#disk.write(entry).then((failure) => {
      entry.write = undefined;
      if (failure !== undefined) return failure;
      if (!entry.isGone) this.#book(entry, -1);
      entry.bytes = undefined;
      if (!entry.isGone) this.#book(entry, 1);
      return undefined;
    });
    entry.write = written;
    return written;
  }

  #dropTooOld(): void {
    const before = performance.now() - this.#options.ageMsMax;
    for (const signal of signals) {
      for (let entry = this.#entries[signal][0]; entry && entry.since < before; entry = this.#entries[signal][0]) {
        if (entry.state !== 'waiting') break;
        void this.#drop(entry, 'spool_too_old');
      }
    }
  }

  /** Of what is on disk: undefined when nothing there can go. */
  #dropOldestOfAll(reason: DropReason): Promise<void> | undefined {
    const heads = signals.flatMap(
      (signal) => this.#entries[signal].find((entry) => entry.state === 'waiting' && !inMemory(entry)) ?? [],
    );
    const oldest = heads.sort((a, b) => a.sequence - b.sequence)[0];
    return oldest && this.#drop(oldest, reason);
  }

  #drop(entry: Entry, reason: DropReason): Promise<void> {
    this.#options.ledger.drop(entry.signal, reason, entry.items);
    return this.remove(entry);
  }

  #add(entry: Entry): void {
    this.#entries[entry.signal].push(entry);
    this.#book(entry, 1);
  }

  #forget(entry: Entry): void {
    if (entry.isGone) return;
    entry.isGone = true;
    const entries = this.#entries[entry.signal];
    entries.splice(entries.indexOf(entry), 1);
    this.#book(entry, -1);
  }

  #book({ signal, bytes, items, diskBytes }: Entry, sign: 1 | -1): void {
    const books = this.#books[signal];
    if (bytes === undefined) {
      books.items += sign * items;
      books.diskBytes += sign * diskBytes;
    } else {
      books.memoryItems += sign * items;
      books.memoryBytes += sign * bytes.length;
      books.memoryDiskBytes += sign * diskBytes;
    }
  }

  #diskBytesOfAll(): number {
    return signals.reduce(
      (sum, signal) => sum + this.#books[signal].diskBytes + this.#books[signal].memoryDiskBytes,
      0,
    );
  }

  #memoryBytesOfAll(): number {
    return signals.reduce((sum, signal) => sum + this.#books[signal].memoryBytes, 0);
  }
}

function inMemory(entry: Entry): boolean {
  return entry.bytes !== undefined;
}

function emptyBooks(): Books {
  return { items: 0, diskBytes: 0, memoryItems: 0, memoryBytes: 0, memoryDiskBytes: 0 };
}
