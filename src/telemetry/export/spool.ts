import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ServiceError } from '../../errors.ts';
import { backOff } from './back-off.ts';
import type { DropReason, Ledger } from './ledger.ts';
import type { OtlpRequest } from './otlp-requests.ts';
import { type Signal, signals } from './signals.ts';

/** One export request, serialized, waiting on disk, or in memory until the disk takes it. */
export type Entry = {
  readonly file: string;
  /** The order of all entries of all signals. */
  readonly sequence: number;
  /** By the clock that never jumps; for what an earlier process left, since this one found it. */
  readonly since: number;
  readonly items: number;
  /** Of its content; a read that brings less has failed, whatever it says. */
  readonly bytesTotal: number;
  /** What it takes of the limit: whole blocks, so that many small files are bounded too. */
  readonly diskBytes: number;
  /** `held`: on its way to the Collector at this moment, live or replayed; until the answer is there it is neither sent again nor dropped. */
  state: 'held' | 'waiting';
  /** Its content, until it is on disk. */
  bytes: Uint8Array | undefined;
  /** Its way to the disk, while it is on it. */
  write: Promise<unknown> | undefined;
  readFailures: number;
  /** Until then others go first. */
  asideUntil: number;
  /** Sent, or dropped: no file of it may be left. */
  isGone: boolean;
};

type Books = { items: number; diskBytes: number; memoryItems: number; memoryBytes: number; memoryDiskBytes: number };

const blockBytes = 4096;

/** While the Collector is away, something is written more often than this: metric points alone see to it. */
const troubleMsMax = 30_000;
/** With the waits between them about ten seconds; what cannot be read for so long may be at fault itself, and the next is tried. */
const readFailuresInARow = 8;
const asideMs = 20_000;
/** So long after the first failure a delivery waits for the disk; later, its sender is told to come again at once. */
const settleMsMax = 1_000;
const closePauseMs = 100;
/** Five and a half seconds in all. */
const openAttemptsMax = 11;
const openPauseMs = 100;

// <sequence>-<created, unix ms>-<items>.v1.otlp: everything that a later process must know of an entry is in its name,
// and the content is the OTLP request as it goes over the wire. A newer Vitrine must go on reading v1.
// The time is for who looks into the folder: a clock may be wrong, so neither order nor age are taken from it.
const fileName = /^(\d{12,})-\d+-(\d+)\.v1\.otlp$/;

/** How many items a file of a spool holds, for who only looks; 0 for other files. */
export function itemsIn(name: string): number {
  return Number(fileName.exec(name)?.[2] ?? 0);
}

/**
 * Telemetry that waits on disk, oldest first, within a limit of bytes and of age. What the disk refuses waits in memory, within a limit too, and
 * is tried again: a failure of a moment loses nothing. Files appear by rename, so a crash leaves whole entries only. There is no fsync: what it
 * must survive is the process, not the power supply.
 */
export class Spool {
  readonly #folder: string;
  readonly #ledger: Ledger;
  readonly #bytesMax: number;
  readonly #memoryBytesMax: number;
  readonly #ageMsMax: number;
  readonly #onTrouble: (sentence: string) => void;
  readonly #entries: Record<Signal, Entry[]> = { traces: [], metrics: [], logs: [] };
  readonly #books: Record<Signal, Books> = { traces: emptyBooks(), metrics: emptyBooks(), logs: emptyBooks() };
  /** What could not be removed: left there, it would be sent again by the next start. */
  readonly #leftFiles = new Set<string>();
  readonly #closing = new AbortController();
  #retrying: Promise<void> | undefined;
  #sequence = 0;
  #writeFailure: { since: number; at: number; message: string } | undefined;
  #readFailure: { at: number; message: string } | undefined;
  #removeFailureTold = false;

  private constructor(options: SpoolOptions) {
    this.#folder = options.folder;
    this.#ledger = options.ledger;
    this.#bytesMax = options.bytesMax;
    this.#memoryBytesMax = options.memoryBytesMax;
    this.#ageMsMax = options.ageMsMax;
    this.#onTrouble = options.onTrouble;
  }

  /** Opens the folder and finds what an earlier process left there. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    for (const signal of signals) await spool.#recoverPatiently(signal);
    return spool;
  }

  /** Whether nothing waits here for its turn; what is set aside holds up nobody. */
  isIdle(signal: Signal): boolean {
    return this.oldest(signal) === undefined;
  }

  isEmpty(signal: Signal): boolean {
    return this.#entries[signal].length === 0;
  }

  /** False while writes fail: after the last that failed, until one succeeds or none was needed for a while. */
  get writable(): boolean {
    return recent(this.#writeFailure) === undefined;
  }

  /** What is wrong with its disk, for who asks how the service is. */
  get trouble(): string | undefined {
    const write = recent(this.#writeFailure);
    if (write)
      return `The telemetry spool cannot be written: ${write.message}; what cannot be sent waits in memory (VITRINE_SPOOL_MEMORY_BYTES_MAX); free the disk of VITRINE_DATA.`;
    const read = recent(this.#readFailure);
    if (read) return `The telemetry spool cannot be read: ${read.message}; what is in it waits until it can.`;
    return undefined;
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
   * Keeps the request, on disk, or in memory while the disk refuses it. Answers undefined when there was room in neither: then it has been counted
   * as dropped. It is on the spool's books, or the ledger's, in the very turn of the call, so that its items are never counted twice or not at all.
   */
  append(signal: Signal, { bytes, items }: OtlpRequest, state: 'held' | 'waiting'): Promise<Entry | undefined> {
    const diskBytes = Math.ceil(bytes.length / blockBytes) * blockBytes;
    this.#dropTooOld();
    const dropped: Promise<void>[] = [];
    let fits = diskBytes <= this.#bytesMax;
    while (fits && this.#diskBytesOfAll() + diskBytes > this.#bytesMax) {
      const oldest = this.#dropOldestOfAll('spool_full');
      if (oldest) dropped.push(oldest);
      else fits = false;
    }
    if (!fits) {
      this.#ledger.drop(signal, 'spool_full', items);
      return Promise.resolve(undefined);
    }
    const sequence = ++this.#sequence;
    const name = `${String(sequence).padStart(12, '0')}-${String(Math.max(0, Date.now())).padStart(13, '0')}-${items}.v1.otlp`;
    const entry: Entry = {
      ...{ sequence, items, diskBytes, bytesTotal: bytes.length, state, bytes, file: join(this.#folder, signal, name) },
      ...{ since: performance.now(), write: undefined, readFailures: 0, asideUntil: 0, isGone: false },
    };
    this.#entries[signal].push(entry);
    this.#book(signal, entry, 1);
    return Promise.all(dropped).then(() => this.#keep(signal, entry));
  }

  /** The bytes of an entry. `gone`: there is nothing to be read any more, and it has been counted as dropped; `later`: it could not be read now. */
  async read(signal: Signal, entry: Entry): Promise<Uint8Array | 'gone' | 'later'> {
    if (entry.bytes) return entry.bytes;
    const read = await tryToRead(entry);
    if (read instanceof Uint8Array) {
      if (entry.readFailures > 0) {
        this.#onTrouble('The telemetry spool can be read again.');
        this.#readFailure = undefined;
      }
      return read;
    }
    if (read !== 'gone') {
      if (entry.readFailures === 0)
        this.#onTrouble(`Cannot read spooled telemetry: ${read.message}; it stays there and is tried again.`);
      this.#readFailure = { at: performance.now(), message: read.message };
      entry.readFailures += 1;
      if (entry.readFailures >= readFailuresInARow) entry.asideUntil = performance.now() + asideMs;
      return 'later';
    }
    this.#onTrouble(
      `Cannot read spooled telemetry: ${entry.file} is empty or gone; ${entry.items} ${signal} are lost.`,
    );
    await this.#drop(signal, entry, 'spool_unreadable');
    return 'gone';
  }

  async remove(signal: Signal, entry: Entry): Promise<void> {
    this.#forget(signal, entry);
    await this.#unlink(entry);
  }

  /** Whether all items told so far are on disk, or gone from here, within a moment. */
  async settled(signal: Signal): Promise<boolean> {
    if (this.memoryItems(signal) > 0) await this.#writeAll();
    const waitMs = (this.#writeFailure?.since ?? 0) + settleMsMax - performance.now();
    if (this.memoryItems(signal) > 0 && waitMs > 0)
      await Promise.race([this.#retrying, pause(waitMs, undefined, { ref: false })]);
    return this.memoryItems(signal) === 0;
  }

  /** The last attempts to get onto the disk what is still in memory; what it does not take by then is counted as dropped. */
  async close(deadlineMs: number): Promise<void> {
    const endsAt = performance.now() + deadlineMs;
    this.#closing.abort();
    await this.#retrying;
    while (!(await this.#writeAll()) && performance.now() < endsAt) await pause(closePauseMs);
    for (const signal of signals)
      for (const entry of this.#entries[signal].filter(({ bytes }) => bytes !== undefined))
        await this.#drop(signal, entry, 'spool_unwritable');
    for (const file of this.#leftFiles)
      this.#onTrouble(`Cannot remove spooled telemetry: ${file}; the next start will send it again.`);
  }

  /** A disk that fails for a moment does not keep the service from starting. */
  async #recoverPatiently(signal: Signal): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#recover(signal);
      } catch (cause) {
        if (attempt === openAttemptsMax)
          throw new ServiceError(
            'invalid_setting',
            `Cannot open the telemetry spool: ${messageOf(cause)}; see that the folder of VITRINE_DATA can be read and written and its disk is not full.`,
            { cause },
          );
        if (attempt === 1) this.#onTrouble(`Cannot open the telemetry spool: ${messageOf(cause)}; it is tried again.`);
        await pause(openPauseMs * attempt);
      }
    }
  }

  async #recover(signal: Signal): Promise<void> {
    const folder = join(this.#folder, signal);
    await mkdir(folder, { recursive: true });
    const found: Entry[] = [];
    for (const name of (await readdir(folder)).sort()) {
      const [, sequence, items] = fileName.exec(name) ?? [];
      const file = join(folder, name);
      if (sequence === undefined || items === undefined) {
        // The one thing of ours that may stand here is a write that a crash cut short; its items were never acknowledged as spooled.
        if (name.endsWith('.part')) await rm(file, { force: true });
        continue;
      }
      const { size } = await stat(file);
      const diskBytes = Math.ceil(size / blockBytes) * blockBytes;
      found.push({
        ...{
          file,
          sequence: Number(sequence),
          items: Number(items),
          diskBytes,
          bytesTotal: size,
          state: 'waiting',
          bytes: undefined,
        },
        ...{ since: performance.now(), write: undefined, readFailures: 0, asideUntil: 0, isGone: false },
      });
    }
    for (const entry of found) {
      this.#sequence = Math.max(this.#sequence, entry.sequence);
      this.#entries[signal].push(entry);
      this.#book(signal, entry, 1);
      this.#ledger.account(signal).recovered += entry.items;
    }
  }

  /** Onto the disk at once, or into what is tried again; beyond the limit of memory, the newest has to go. */
  async #keep(signal: Signal, entry: Entry): Promise<Entry | undefined> {
    while (!entry.isGone) {
      const failure = await this.#write(signal, entry);
      if (failure === undefined) return entry;
      if (this.#memoryBytesOfAll() <= this.#memoryBytesMax) {
        this.#retry();
        return entry;
      }
      // A full disk takes the newest only when there is nothing older of ours to make room with.
      const room = isFull(failure) ? this.#dropOldestOfAll('spool_full') : undefined;
      if (room) {
        await room;
        continue;
      }
      if (!entry.isGone) await this.#drop(signal, entry, 'spool_unwritable');
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
      for (const entry of this.#entries[signal].filter(({ bytes }) => bytes !== undefined)) {
        while (entry.write) await entry.write;
        // It may have been sent while another was written.
        if (entry.bytes === undefined || entry.isGone) continue;
        if (await this.#write(signal, entry)) return false;
      }
    for (const file of this.#leftFiles) if (!(await this.#removeFile(file))) return false;
    return true;
  }

  #write(signal: Signal, entry: Entry): Promise<unknown> {
    const written = this.#writeFile(signal, entry).finally(() => {
      entry.write = undefined;
    });
    entry.write = written;
    return written;
  }

  /** Answers what it failed by. */
  async #writeFile(signal: Signal, entry: Entry): Promise<unknown> {
    const part = `${entry.file}.part`;
    try {
      await writeFile(part, entry.bytes!);
      await rename(part, entry.file);
    } catch (error) {
      if (!this.#writeFailure)
        this.#onTrouble(
          `Cannot spool telemetry: ${messageOf(error)}; it waits in memory and is tried again: free the disk of VITRINE_DATA or lower VITRINE_SPOOL_BYTES_MAX.`,
        );
      const now = performance.now();
      this.#writeFailure = { since: this.#writeFailure?.since ?? now, at: now, message: messageOf(error) };
      await this.#removeFile(part);
      return error;
    }
    if (this.#writeFailure) this.#onTrouble('The telemetry spool can be written again.');
    this.#writeFailure = undefined;
    if (!entry.isGone) this.#book(signal, entry, -1);
    entry.bytes = undefined;
    if (!entry.isGone) this.#book(signal, entry, 1);
    return undefined;
  }

  #dropTooOld(): void {
    const before = performance.now() - this.#ageMsMax;
    for (const signal of signals) {
      for (let entry = this.#entries[signal][0]; entry && entry.since < before; entry = this.#entries[signal][0]) {
        if (entry.state !== 'waiting') break;
        void this.#drop(signal, entry, 'spool_too_old');
      }
    }
  }

  /** Of what is on disk: undefined when nothing there can go. */
  #dropOldestOfAll(reason: DropReason): Promise<void> | undefined {
    const heads = signals.flatMap((signal) => {
      const entry = this.#entries[signal].find(({ state, bytes }) => state === 'waiting' && bytes === undefined);
      return entry ? [{ signal, entry }] : [];
    });
    const oldest = heads.sort((a, b) => a.entry.sequence - b.entry.sequence)[0];
    return oldest && this.#drop(oldest.signal, oldest.entry, reason);
  }

  #drop(signal: Signal, entry: Entry, reason: DropReason): Promise<void> {
    this.#forget(signal, entry);
    this.#ledger.drop(signal, reason, entry.items);
    return this.#unlink(entry);
  }

  #forget(signal: Signal, entry: Entry): void {
    if (entry.isGone) return;
    entry.isGone = true;
    this.#entries[signal].splice(this.#entries[signal].indexOf(entry), 1);
    this.#book(signal, entry, -1);
  }

  #book(signal: Signal, { bytes, items, diskBytes }: Entry, sign: 1 | -1): void {
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

  async #unlink(entry: Entry): Promise<void> {
    await entry.write;
    if (entry.bytes === undefined) await this.#removeFile(entry.file);
  }

  async #removeFile(file: string): Promise<boolean> {
    try {
      await rm(file, { force: true });
      this.#leftFiles.delete(file);
      if (this.#leftFiles.size === 0) this.#removeFailureTold = false;
      return true;
    } catch (error) {
      if (!this.#removeFailureTold)
        this.#onTrouble(`Cannot remove spooled telemetry: ${messageOf(error)}; it is tried again.`);
      this.#removeFailureTold = true;
      this.#leftFiles.add(file);
      this.#retry();
      return false;
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

export type SpoolOptions = {
  folder: string;
  bytesMax: number;
  memoryBytesMax: number;
  ageMsMax: number;
  ledger: Ledger;
  onTrouble: (sentence: string) => void;
};

async function tryToRead(entry: Entry): Promise<Uint8Array | 'gone' | { message: string }> {
  try {
    const bytes = await readFile(entry.file);
    if (bytes.length === 0) return 'gone';
    return bytes.length < entry.bytesTotal
      ? { message: `${entry.file} gave ${bytes.length} of ${entry.bytesTotal} bytes` }
      : bytes;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'gone' : { message: messageOf(error) };
  }
}

function emptyBooks(): Books {
  return { items: 0, diskBytes: 0, memoryItems: 0, memoryBytes: 0, memoryDiskBytes: 0 };
}

function recent<Failure extends { at: number }>(failure: Failure | undefined): Failure | undefined {
  return failure && performance.now() - failure.at <= troubleMsMax ? failure : undefined;
}

function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
