import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DropReason, Ledger } from './ledger.ts';
import { type Signal, signals } from './signals.ts';

/** One export request, serialized, waiting on disk. */
export type Entry = {
  readonly file: string;
  readonly createdMs: number;
  readonly items: number;
  /** What it takes of the limit: whole blocks, so that many small files are bounded too. */
  readonly diskBytes: number;
  /** `held`: on its way to the Collector at this moment, live or replayed; until the answer is there it is neither sent again nor dropped. */
  state: 'writing' | 'held' | 'waiting';
};

const blockBytes = 4096;

/** While the Collector is away, something is written more often than this: metric points alone see to it. */
const troubleMsMax = 30_000;

// <sequence>-<created, unix ms>-<items>.v1.otlp: everything that a later process must know of an entry is in its name,
// and the content is the OTLP request as it goes over the wire. A newer Vitrine must go on reading v1.
const fileName = /^(\d{12})-(\d{13})-(\d+)\.v1\.otlp$/;

/** How many items a file of a spool holds, for who only looks; 0 for other files. */
export function itemsIn(name: string): number {
  return Number(fileName.exec(name)?.[3] ?? 0);
}

/**
 * Telemetry that waits on disk, oldest first, within a limit of bytes and of age. Files appear by rename, so a crash leaves whole entries
 * only. There is no fsync: what it must survive is the process, not the power supply.
 */
export class Spool {
  readonly #folder: string;
  readonly #ledger: Ledger;
  readonly #bytesMax: number;
  readonly #ageMsMax: number;
  readonly #onTrouble: (sentence: string) => void;
  readonly #entries: Record<Signal, Entry[]> = { traces: [], metrics: [], logs: [] };
  readonly #items: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 };
  readonly #diskBytes: Record<Signal, number> = { traces: 0, metrics: 0, logs: 0 };
  #sequence = 0;
  #writable = true;
  #failedAt = Number.NEGATIVE_INFINITY;

  private constructor(options: SpoolOptions) {
    this.#folder = options.folder;
    this.#ledger = options.ledger;
    this.#bytesMax = options.bytesMax;
    this.#ageMsMax = options.ageMsMax;
    this.#onTrouble = options.onTrouble;
  }

  /** Opens the folder and finds what an earlier process left there. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    for (const signal of signals) await spool.#recover(signal);
    return spool;
  }

  isEmpty(signal: Signal): boolean {
    return this.#entries[signal].length === 0;
  }

  /** False while writes fail: after the last that failed, until one succeeds or none was needed for a while. */
  get writable(): boolean {
    return this.#writable || performance.now() - this.#failedAt > troubleMsMax;
  }

  /** Items whose file is complete. Those still being written count as in memory. */
  items(signal: Signal): number {
    return this.#items[signal];
  }

  diskBytes(signal: Signal): number {
    return this.#diskBytes[signal];
  }

  oldest(signal: Signal): Entry | undefined {
    this.#dropTooOld();
    return this.#entries[signal][0];
  }

  /**
   * Keeps the request on disk. Answers undefined when it could not be kept: then it has been counted as dropped. Either way `whenBooked` runs in
   * the very turn in which the items are on the spool's books or the ledger's, so that they are never counted twice or not at all.
   */
  async append(
    signal: Signal,
    { bytes, items }: { bytes: Uint8Array; items: number },
    state: 'held' | 'waiting',
    whenBooked: (items: number) => void,
  ): Promise<Entry | undefined> {
    const giveUp = (reason: DropReason) => {
      this.#ledger.drop(signal, reason, items);
      whenBooked(items);
      return undefined;
    };
    const diskBytes = Math.ceil(bytes.length / blockBytes) * blockBytes;
    if (diskBytes > this.#bytesMax) return giveUp('spool_full');
    this.#dropTooOld();
    while (this.#diskBytesOfAll() + diskBytes > this.#bytesMax) {
      if (!(await this.#dropOldestOfAll('spool_full'))) return giveUp('spool_full');
    }
    const createdMs = Date.now();
    const file = join(
      this.#folder,
      signal,
      `${String(++this.#sequence).padStart(12, '0')}-${createdMs}-${items}.v1.otlp`,
    );
    const entry: Entry = { file, createdMs, items, diskBytes, state: 'writing' };
    this.#entries[signal].push(entry);
    this.#diskBytes[signal] += diskBytes;
    if (await this.#write(entry, bytes)) {
      entry.state = state;
      this.#items[signal] += items;
      whenBooked(items);
      return entry;
    }
    this.#forget(signal, entry);
    return giveUp('spool_unwritable');
  }

  /** The bytes of an entry, or undefined when the file cannot be read: then it has been counted as dropped. */
  async read(signal: Signal, entry: Entry): Promise<Uint8Array | undefined> {
    try {
      return await readFile(entry.file);
    } catch (error) {
      this.#onTrouble(`Cannot read spooled telemetry: ${messageOf(error)}; ${entry.items} ${signal} are lost.`);
      await this.#drop(signal, entry, 'spool_unreadable');
      return undefined;
    }
  }

  async remove(signal: Signal, entry: Entry): Promise<void> {
    this.#forget(signal, entry);
    await this.#unlink(entry);
  }

  async #recover(signal: Signal): Promise<void> {
    const folder = join(this.#folder, signal);
    await mkdir(folder, { recursive: true });
    for (const name of (await readdir(folder)).sort()) {
      const [, sequence, createdMs, items] = fileName.exec(name) ?? [];
      const file = join(folder, name);
      if (sequence === undefined || createdMs === undefined || items === undefined) {
        // The one thing of ours that may stand here is a write that a crash cut short; its items were never acknowledged as spooled.
        if (name.endsWith('.part')) await rm(file, { force: true });
        continue;
      }
      const diskBytes = Math.ceil((await stat(file)).size / blockBytes) * blockBytes;
      this.#sequence = Math.max(this.#sequence, Number(sequence));
      this.#entries[signal].push({
        file,
        createdMs: Number(createdMs),
        items: Number(items),
        diskBytes,
        state: 'waiting',
      });
      this.#items[signal] += Number(items);
      this.#diskBytes[signal] += diskBytes;
      this.#ledger.account(signal).recovered += Number(items);
    }
  }

  async #write(entry: Entry, bytes: Uint8Array): Promise<boolean> {
    const part = `${entry.file}.part`;
    for (;;) {
      try {
        await writeFile(part, bytes);
        await rename(part, entry.file);
        if (!this.#writable) this.#onTrouble('The telemetry spool can be written again.');
        this.#writable = true;
        return true;
      } catch (error) {
        await rm(part, { force: true }).catch((cause: unknown) =>
          this.#onTrouble(`Cannot remove ${part}: ${messageOf(cause)}.`),
        );
        // A full disk takes the newest only when there is nothing older of ours to make room with.
        if (codeOf(error) === 'ENOSPC' && (await this.#dropOldestOfAll('spool_full'))) continue;
        if (this.#writable) {
          this.#onTrouble(
            `Cannot spool telemetry: ${messageOf(error)}; it is dropped and counted until there is room again: free the disk of VITRINE_DATA or lower VITRINE_SPOOL_BYTES_MAX.`,
          );
        }
        this.#writable = false;
        this.#failedAt = performance.now();
        return false;
      }
    }
  }

  #dropTooOld(): void {
    const before = Date.now() - this.#ageMsMax;
    for (const signal of signals) {
      for (let entry = this.#entries[signal][0]; entry && entry.createdMs < before; entry = this.#entries[signal][0]) {
        if (entry.state !== 'waiting') break;
        void this.#drop(signal, entry, 'spool_too_old');
      }
    }
  }

  async #dropOldestOfAll(reason: DropReason): Promise<boolean> {
    const heads = signals
      .map((signal) => ({ signal, entry: this.#entries[signal].find((entry) => entry.state === 'waiting') }))
      .filter((head): head is { signal: Signal; entry: Entry } => head.entry !== undefined)
      .sort((a, b) => a.entry.createdMs - b.entry.createdMs);
    const oldest = heads[0];
    if (!oldest) return false;
    await this.#drop(oldest.signal, oldest.entry, reason);
    return true;
  }

  #drop(signal: Signal, entry: Entry, reason: DropReason): Promise<void> {
    this.#forget(signal, entry);
    this.#ledger.drop(signal, reason, entry.items);
    return this.#unlink(entry);
  }

  #forget(signal: Signal, entry: Entry): void {
    const at = this.#entries[signal].indexOf(entry);
    if (at < 0) return;
    this.#entries[signal].splice(at, 1);
    this.#diskBytes[signal] -= entry.diskBytes;
    if (entry.state !== 'writing') this.#items[signal] -= entry.items;
  }

  async #unlink(entry: Entry): Promise<void> {
    try {
      await rm(entry.file, { force: true });
    } catch (error) {
      // It is then sent once more after a restart: a duplicate, not a loss.
      this.#onTrouble(`Cannot remove spooled telemetry: ${messageOf(error)}; it will be sent again by the next start.`);
    }
  }

  #diskBytesOfAll(): number {
    return signals.reduce((total, signal) => total + this.diskBytes(signal), 0);
  }
}

export type SpoolOptions = {
  folder: string;
  bytesMax: number;
  ageMsMax: number;
  ledger: Ledger;
  onTrouble: (sentence: string) => void;
};

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
