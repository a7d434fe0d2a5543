import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Entry } from './spool-entry.ts';

/** While the Collector is down, metric points alone cause a write more often than this. */
const troubleMsMax = 30_000;
/**
 * About ten seconds with the waits between them; after that the entry itself may be at fault, and
 * the next is tried.
 */
const readFailuresInARow = 8;
const asideMs = 20_000;

/**
 * The files of a spool. Reports the first failure of a kind and its end, not each one between.
 * Files appear by rename, so a crash leaves whole entries only. There is no fsync: an entry must
 * survive the process, not a power cut.
 */
export class SpoolDisk {
  readonly #onTrouble: (sentence: string) => void;
  readonly #onLeft: () => void;
  /** Files that could not be removed: the next start would send them again. */
  readonly #leftFiles = new Set<string>();
  #writeFailure: { since: number; at: number; message: string } | undefined;
  #readFailure: { at: number; message: string } | undefined;
  #removeFailureReported = false;

  /**
   * `onLeft` is called for each file that could not be removed: `removeLeft` has to be tried later.
   */
  constructor(options: { onTrouble: (sentence: string) => void; onLeft: () => void }) {
    this.#onTrouble = options.onTrouble;
    this.#onLeft = options.onLeft;
  }

  /**
   * False while writes fail: after the last that failed, until one succeeds or none was needed for a
   * while.
   */
  get writable(): boolean {
    return recent(this.#writeFailure) === undefined;
  }

  /** When the writes that fail now began to fail. */
  get unwritableSince(): number | undefined {
    return this.#writeFailure?.since;
  }

  /** What is wrong with the disk, for /health. */
  get trouble(): string | undefined {
    const write = recent(this.#writeFailure);
    if (write)
      return `The telemetry spool cannot be written: ${write.message}; what cannot be sent waits in memory (VITRINE_SPOOL_MEMORY_BYTES_MAX); free the disk of VITRINE_DATA.`;
    const read = recent(this.#readFailure);
    if (read) return `The telemetry spool cannot be read: ${read.message}; what is in it waits until it can.`;
    return undefined;
  }

  /** Answers the error that the write failed by. */
  async write({ file, bytes }: Entry): Promise<unknown> {
    const part = `${file}.part`;
    try {
      await writeFile(part, bytes!);
      await rename(part, file);
    } catch (error) {
      if (!this.#writeFailure)
        this.#onTrouble(
          `Cannot spool telemetry: ${messageOf(error)}; it waits in memory and is tried again: free the disk of VITRINE_DATA or lower VITRINE_SPOOL_BYTES_MAX.`,
        );
      const now = performance.now();
      this.#writeFailure = { since: this.#writeFailure?.since ?? now, at: now, message: messageOf(error) };
      await this.remove(part);
      return error;
    }
    if (this.#writeFailure) this.#onTrouble('The telemetry spool can be written again.');
    this.#writeFailure = undefined;
    return undefined;
  }

  /**
   * The bytes of an entry. `gone`: its file is empty or missing; `later`: it could not be read now.
   */
  async read(entry: Entry): Promise<Uint8Array | 'gone' | 'later'> {
    const read = await tryToRead(entry);
    if (read instanceof Uint8Array) {
      if (entry.readFailures === 0) return read;
      this.#onTrouble('The telemetry spool can be read again.');
      this.#readFailure = undefined;
      return read;
    }
    if (read === 'gone') {
      this.#onTrouble(
        `Cannot read spooled telemetry: ${entry.file} is empty or gone; ${entry.items} ${entry.signal} are lost.`,
      );
      return 'gone';
    }
    if (entry.readFailures === 0)
      this.#onTrouble(`Cannot read spooled telemetry: ${read.message}; it stays there and is tried again.`);
    this.#readFailure = { at: performance.now(), message: read.message };
    entry.readFailures += 1;
    if (entry.readFailures >= readFailuresInARow) entry.asideUntil = performance.now() + asideMs;
    return 'later';
  }

  async remove(file: string): Promise<boolean> {
    try {
      await rm(file, { force: true });
      this.#leftFiles.delete(file);
      if (this.#leftFiles.size === 0) this.#removeFailureReported = false;
      return true;
    } catch (error) {
      if (!this.#removeFailureReported)
        this.#onTrouble(`Cannot remove spooled telemetry: ${messageOf(error)}; it is tried again.`);
      this.#removeFailureReported = true;
      this.#leftFiles.add(file);
      this.#onLeft();
      return false;
    }
  }

  /** Whether nothing is left to be removed. */
  async removeLeft(): Promise<boolean> {
    for (const file of this.#leftFiles) if (!(await this.remove(file))) return false;
    return true;
  }

  reportLeft(): void {
    for (const file of this.#leftFiles)
      this.#onTrouble(`Cannot remove spooled telemetry: ${file}; the next start will send it again.`);
  }
}

export function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

async function tryToRead({ file, bytesTotal }: Entry): Promise<Uint8Array | 'gone' | { message: string }> {
  try {
    const bytes = await readFile(file);
    if (bytes.length === 0) return 'gone';
    return bytes.length < bytesTotal ? { message: `${file} gave ${bytes.length} of ${bytesTotal} bytes` } : bytes;
  } catch (error) {
    return codeOf(error) === 'ENOENT' ? 'gone' : { message: messageOf(error) };
  }
}

function recent<Failure extends { at: number }>(failure: Failure | undefined): Failure | undefined {
  return failure && performance.now() - failure.at <= troubleMsMax ? failure : undefined;
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
