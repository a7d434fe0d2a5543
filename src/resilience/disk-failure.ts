import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';

/**
 * What the operating system and SQLite answer when a file cannot be used at the moment: it says
 * nothing about the work, which waits and is tried again. What is not here is certain: a file that
 * is gone, a path that is none.
 */
const passing = {
  full: {
    system: ['ENOSPC', 'EDQUOT'],
    sqlite: [13], // FULL
    why: 'the disk of VITRINE_DATA is full; free it',
  },
  not_writable: {
    system: ['EROFS', 'EACCES', 'EPERM'],
    sqlite: [3, 8, 14, 23], // PERM, READONLY, CANTOPEN, AUTH
    why: 'a file in VITRINE_DATA cannot be opened or written; see whose the folder is',
  },
  descriptors: {
    system: ['EMFILE', 'ENFILE'],
    sqlite: [],
    why: 'the process has no descriptors left; raise the limit of open files (ulimit -n), or lower VITRINE_CONNECTIONS_MAX',
  },
  memory: {
    system: ['ENOMEM', 'EAGAIN', 'ENOBUFS'],
    sqlite: [7], // NOMEM
    why: 'the machine has no memory or processes left; give it more',
  },
  failing: {
    system: [
      'EIO',
      'EBUSY',
      'ESTALE',
      'ENOTEMPTY',
      'ETXTBSY',
      'EINTR',
      'ETIMEDOUT',
      'ENOLCK',
      'EDEADLK',
      'ENODEV',
      'ENXIO',
    ],
    sqlite: [5, 6, 10, 15], // BUSY, LOCKED, IOERR, PROTOCOL
    why: 'a file in VITRINE_DATA cannot be used at the moment; look at the disk if it stays so',
  },
} as const satisfies Record<string, { system: readonly string[]; sqlite: readonly number[]; why: string }>;

export type DiskFailure = keyof typeof passing;

const bySystemCode = new Map(entriesOf<string>(({ system }) => system));
const bySqliteCode = new Map(entriesOf<number>(({ sqlite }) => sqlite));

/**
 * Which passing failure of the disk an error is, or was caused by; undefined of any other error.
 */
export function diskFailureOf(error: unknown): DiskFailure | undefined {
  for (let cause = error, depth = 0; cause instanceof Error && depth < 5; cause = cause.cause, depth += 1) {
    if (cause instanceof ServiceError) return undefined;
    const { code, errcode } = cause as { code?: unknown; errcode?: unknown };
    const kind =
      typeof errcode === 'number'
        ? bySqliteCode.get(errcode & 0xff)
        : bySystemCode.get(typeof code === 'string' ? code : '');
    if (kind) return kind;
  }
  return undefined;
}

/**
 * Runs what uses VITRINE_DATA; a disk that cannot be used at the moment becomes a failure that says
 * so, and everything else stays what it is.
 */
export async function onDisk<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw asDiskFailure(error);
  }
}

export function asDiskFailure(error: unknown): unknown {
  const kind = diskFailureOf(error);
  if (!kind) return error;
  return new ServiceError(
    'not_kept',
    say`Cannot take this now: ${ours(passing[kind].why)}, and send the request again.`,
    {
      cause: error,
      retryAfterMs: 10_000,
    },
  );
}

function entriesOf<Code>(codes: (of: (typeof passing)[DiskFailure]) => readonly Code[]): [Code, DiskFailure][] {
  return (Object.keys(passing) as DiskFailure[]).flatMap((kind) =>
    codes(passing[kind]).map((code): [Code, DiskFailure] => [code, kind]),
  );
}
