import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { waitFor } from './wait-for.ts';

export type MemoryCgroup = AsyncDisposable & {
  /**
   * What to put before a command, so that it and its children never run outside the limit:
   * `[...enter, command, ...arguments]`.
   */
  readonly enter: readonly string[];
  /** The most memory that its processes and their page cache ever had at once, in bytes. */
  peakBytes(): Promise<number>;
  /** How many of its processes the kernel has killed because of the limit. */
  kills(): Promise<number>;
};

/** The files of one version of cgroups that a test needs. */
type Files = { readonly limit: string; readonly limitWithSwap: string; readonly peak: string; readonly events: string };

const files: Readonly<Record<'v1' | 'v2', Files>> = {
  v1: {
    limit: 'memory.limit_in_bytes',
    limitWithSwap: 'memory.memsw.limit_in_bytes',
    peak: 'memory.max_usage_in_bytes',
    events: 'memory.oom_control',
  },
  v2: { limit: 'memory.max', limitWithSwap: 'memory.swap.max', peak: 'memory.peak', events: 'memory.events' },
};

let made = 0;

/**
 * A cgroup whose processes have so many bytes of memory together; undefined with the reason where
 * the machine does not let us make one.
 */
export async function memoryCgroup(limitBytes: number): Promise<MemoryCgroup | { unavailable: string }> {
  const reasons: string[] = [];
  for (const { version, parent } of await placesForCgroup()) {
    made += 1;
    const path = join(parent, `vitrine-test-${process.pid}-${made}`);
    try {
      await makeCgroup(path, version, limitBytes);
      return openCgroup(path, files[version]);
    } catch (error) {
      reasons.push(error instanceof Error ? error.message : String(error));
    }
  }
  return { unavailable: `cannot make a cgroup with a memory limit: ${reasons.join('; ') || 'the machine has none'}` };
}

/**
 * Below our own cgroup, beside it, and at the root: containers see, and may write, different parts.
 */
async function placesForCgroup(): Promise<{ version: 'v1' | 'v2'; parent: string }[]> {
  if (process.platform !== 'linux') return [];
  const lines = (await readFile('/proc/self/cgroup', 'utf8')).split('\n');
  const pathOf = (test: RegExp) => lines.map((line) => test.exec(line)?.[1]).find((path) => path !== undefined);
  const v1 = pathOf(/^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/);
  const v2 = pathOf(/^0::(.*)$/);
  if (v1 !== undefined)
    return [...new Set([join('/sys/fs/cgroup/memory', v1), '/sys/fs/cgroup/memory'])].map((parent) => ({
      version: 'v1',
      parent,
    }));
  if (v2 === undefined) return [];
  return [...new Set([dirname(join('/sys/fs/cgroup', v2)), '/sys/fs/cgroup'])]
    .filter((parent) => parent.startsWith('/sys/fs/cgroup'))
    .map((parent) => ({ version: 'v2', parent }));
}

async function makeCgroup(path: string, version: 'v1' | 'v2', limitBytes: number): Promise<void> {
  const { limit, limitWithSwap } = files[version];
  // The parent hands the memory controller down only when subtree_control asks for it.
  if (version === 'v2') await writeFile(join(dirname(path), 'cgroup.subtree_control'), '+memory');
  await mkdir(path);
  try {
    await writeFile(join(path, limit), String(limitBytes));
    // Kernels without an account of swap have no such file.
    await writeFile(join(path, limitWithSwap), version === 'v1' ? String(limitBytes) : '0').catch(() => undefined);
  } catch (error) {
    await rmdir(path);
    throw error;
  }
}

function openCgroup(path: string, { peak, events }: Files): MemoryCgroup {
  const processes = join(path, 'cgroup.procs');
  const pids = async () => (await readFile(processes, 'utf8')).split('\n').filter(Boolean).map(Number);
  return {
    enter: ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', processes],
    peakBytes: async () => Number(await readFile(join(path, peak), 'utf8')),
    kills: async () => Number(/^oom_kill (\d+)$/m.exec(await readFile(join(path, events), 'utf8'))?.[1] ?? 0),
    [Symbol.asyncDispose]: async () => {
      await waitFor('the processes of the cgroup to end', async () => {
        for (const pid of await pids()) {
          try {
            process.kill(pid, 'SIGKILL');
          } catch {
            // It has ended between the two looks.
          }
        }
        return (await pids()).length === 0;
      });
      await waitFor('the cgroup to be removed', async () => {
        await rmdir(path);
        return true;
      });
    },
  };
}
