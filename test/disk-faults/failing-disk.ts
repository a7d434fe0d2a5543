import { execFile } from 'node:child_process';
import { closeSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

/** In the order of failing-disk.c, from 1 on. */
export const callKinds = [
  ...(['open', 'create', 'read', 'write', 'sync', 'truncate'] as const),
  ...(['rename', 'link', 'unlink', 'mkdir', 'list', 'stat'] as const),
];
export type CallKind = (typeof callKinds)[number];

const { ENOSPC, EIO, EMFILE, EACCES, EBUSY } = constants.errno;
const numbers = { ENOSPC, EIO, EMFILE, EACCES, EBUSY, short: 0 } as const;
export type Failure = keyof typeof numbers;

/** Which calls can go wrong in which way; failing-disk.c has the same. */
export const failuresOf: Readonly<Record<CallKind, readonly Failure[]>> = {
  open: ['EIO', 'EMFILE', 'EACCES'],
  create: ['ENOSPC', 'EIO', 'EMFILE', 'EACCES'],
  read: ['EIO', 'short'],
  write: ['ENOSPC', 'EIO', 'short'],
  sync: ['ENOSPC', 'EIO'],
  truncate: ['ENOSPC', 'EIO'],
  rename: ['ENOSPC', 'EIO', 'EACCES', 'EBUSY'],
  link: ['ENOSPC', 'EIO', 'EACCES'],
  unlink: ['EIO', 'EACCES', 'EBUSY'],
  mkdir: ['ENOSPC', 'EIO', 'EACCES'],
  list: ['EIO', 'EMFILE', 'EACCES'],
  stat: ['EIO', 'EACCES'],
};

/** How long the disk fails: at one call, for a second, or until somebody mends it. */
export const durations = { once: 0, second: 1_000, lasting: -1 } as const;
export type Duration = keyof typeof durations;

export type Fault = { call: number; failure: Failure; duration: Duration };

/** Compiles what makes file operations fail; says why not where that cannot be. */
export async function compileFailingDisk(): Promise<
  ({ library: string; folder: string } & AsyncDisposable) | { unavailable: string }
> {
  if (process.platform !== 'linux')
    return { unavailable: 'file operations are made to fail by way of LD_PRELOAD, which is Linux’s' };
  const made = await temporaryFolder();
  const library = join(made.path, 'failing-disk.so');
  try {
    const source = join(import.meta.dirname, 'failing-disk.c');
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl']);
  } catch (error) {
    await made[Symbol.asyncDispose]();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { unavailable: 'there is no C compiler (cc) here' };
    throw error;
  }
  return { library, folder: made.path, [Symbol.asyncDispose]: made[Symbol.asyncDispose] };
}

const at = { from: 0, error: 8, lastsMs: 16, calls: 24, failed: 32, firstNs: 40, spent: 48, folderLength: 56 } as const;
const [folderAt, firstAt, kindsAt, callsMax] = [64, 64 + 1024, 64 + 1024 + 960, 8192];

/**
 * The file that says which calls of a process have to fail, and where the process reports what
 * happened. It may be this process or another.
 */
export class FailingDisk implements Disposable {
  readonly #file: number;

  private constructor(file: number) {
    this.#file = file;
  }

  /** Before the process is started that is to be failed: it looks for the file once. */
  static create(path: string): FailingDisk {
    writeFileSync(path, Buffer.alloc(kindsAt + callsMax));
    return FailingDisk.open(path);
  }

  static open(path: string): FailingDisk {
    return new FailingDisk(openSync(path, 'r+'));
  }

  /** From here on the calls below the folder are counted, and fail as the fault says. */
  begin(folder: string, fault?: Fault): void {
    this.end();
    writeSync(this.#file, Buffer.alloc(kindsAt + callsMax), 0, kindsAt + callsMax, 0);
    if (fault) {
      this.#set(at.error, numbers[fault.failure]);
      this.#set(at.lastsMs, durations[fault.duration]);
      this.#set(at.from, fault.call);
    }
    writeSync(this.#file, folder, folderAt);
    this.#set(at.folderLength, Buffer.byteLength(folder));
  }

  /** It fails until somebody mends it. */
  get isLasting(): boolean {
    return this.#get(at.from) > 0 && this.#get(at.lastsMs) < 0;
  }

  /** The calls that it saw, also after it was mended. */
  get wasLasting(): boolean {
    return this.#get(at.lastsMs) < 0;
  }

  get wasShort(): boolean {
    return this.#get(at.error) === 0;
  }

  /** It works again; calls are still counted. */
  mend(): void {
    this.#set(at.from, 0);
  }

  end(): void {
    this.mend();
    this.#set(at.folderLength, 0);
  }

  get calls(): number {
    return this.#get(at.calls);
  }

  get failed(): number {
    return this.#get(at.failed);
  }

  /** The path of the first call that failed. */
  get first(): string {
    return this.#read(firstAt, 960).toString('utf8').replace(/\0.*$/s, '');
  }

  /** Of each call that was counted, the first at 0. */
  get kinds(): CallKind[] {
    return [...this.#marks()].map((mark) => callKinds[(mark & 0x7f) - 1]!);
  }

  /** Of those that failed; asking how a file is may fail without anything being the worse for it. */
  get failedKinds(): CallKind[] {
    return [...this.#marks()].filter((mark) => mark > 0x7f).map((mark) => callKinds[(mark & 0x7f) - 1]!);
  }

  #marks(): Buffer {
    return this.#read(kindsAt + 1, Math.min(this.calls, callsMax - 1));
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }

  #get(offset: number): number {
    return Number(this.#read(offset, 8).readBigInt64LE());
  }

  #set(offset: number, value: number): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(value));
    writeSync(this.#file, bytes, 0, 8, offset);
  }

  #read(offset: number, length: number): Buffer {
    const bytes = Buffer.alloc(length);
    readSync(this.#file, bytes, 0, length, offset);
    return bytes;
  }
}
