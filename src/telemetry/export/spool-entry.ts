import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../make-folder.ts';
import type { OtlpRequest } from './otlp-requests.ts';
import type { Signal } from './signals.ts';

/** One export request, serialized, waiting on disk, or in memory until the disk takes it. */
export type Entry = {
  readonly signal: Signal;
  readonly file: string;
  /** The order of all entries of all signals. */
  readonly sequence: number;
  /** By the clock that never jumps; for what an earlier process left, since this one found it. */
  readonly since: number;
  readonly items: number;
  /** Size of the content: a read that brings less has failed, even without an error. */
  readonly bytesTotal: number;
  /** Whole blocks count towards the limit, so that many small files are bounded too. */
  readonly diskBytes: number;
  /** `held`: an attempt to send it is under way, so it is neither sent again nor dropped. */
  state: 'held' | 'waiting';
  /** Its content, until it is on disk. */
  bytes: Uint8Array | undefined;
  /** The write that is under way. */
  write: Promise<unknown> | undefined;
  readFailures: number;
  /** Until then others go first. */
  asideUntil: number;
  /** Sent, or dropped: no file of this entry may be left. */
  isGone: boolean;
};

const blockBytes = 4096;

// <sequence>-<created, unix ms>-<items>.v1.otlp: the name holds what a later process must know of
// an entry, and the content is the OTLP request as it goes over the wire. A newer Vitrine must go
// on reading v1. The time is for people: a clock may be wrong, so neither order nor age are taken
// from it.
const fileName = /^(\d{12,})-\d+-(\d+)\.v1\.otlp$/;

/** How many items a file of a spool holds; 0 for other files. */
export function itemsIn(name: string): number {
  return Number(fileName.exec(name)?.[2] ?? 0);
}

export function newEntry(
  folder: string,
  { signal, sequence, state }: Pick<Entry, 'signal' | 'sequence' | 'state'>,
  { bytes, items }: OtlpRequest,
): Entry {
  const createdMs = Math.max(0, Date.now());
  const name = `${String(sequence).padStart(12, '0')}-${String(createdMs).padStart(13, '0')}-${items}.v1.otlp`;
  return entryOf({ signal, sequence, items, state, bytes, bytesTotal: bytes.length, file: join(folder, signal, name) });
}

/** What an earlier process left of a signal, oldest first. Makes the folder where there is none. */
export async function findEntries(spoolFolder: string, signal: Signal): Promise<Entry[]> {
  const folder = join(spoolFolder, signal);
  await makeFolder(folder);
  const found: Entry[] = [];
  for (const name of (await readdir(folder)).sort()) {
    const [, sequence, items] = fileName.exec(name) ?? [];
    const file = join(folder, name);
    if (sequence !== undefined) {
      const { size: bytesTotal } = await stat(file);
      const numbers = { sequence: Number(sequence), items: Number(items), bytesTotal };
      found.push(entryOf({ signal, file, ...numbers, state: 'waiting', bytes: undefined }));
      // A crash cut this write short; its items were never acknowledged as spooled.
    } else if (name.endsWith('.part')) await rm(file, { force: true });
  }
  return found;
}

function entryOf(
  known: Pick<Entry, 'signal' | 'file' | 'sequence' | 'items' | 'bytesTotal' | 'state' | 'bytes'>,
): Entry {
  return {
    ...known,
    since: performance.now(),
    diskBytes: Math.ceil(known.bytesTotal / blockBytes) * blockBytes,
    write: undefined,
    readFailures: 0,
    asideUntil: 0,
    isGone: false,
  };
}
