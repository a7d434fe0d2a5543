import { execFile } from 'node:child_process';
import { readdir, readFile, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ifThere } from '../src/if-there.ts';
import { ensureServer } from './servers/ensure-server.ts';
import { StackFailure } from './stack-failure.ts';

/**
 * What one exporter's queue holds on disk: requests, and in them spans, log records or metric
 * points.
 */
export type QueueRemainder = {
  requests: number;
  items: number;
  sizeBytes: number;
  /** The file in VITRINE_DATA/collector/queue. */
  file: string;
  /** The file of otel-collector/backends/ that it belongs to, if there is one. */
  backend: string | undefined;
  /**
   * Whether a Collector with the backends given sends it. If not, it waits until its backend is named
   * again.
   */
  inUse: boolean;
};

export type QueueSetAside = { path: string; backup: string; message: string };

/** A queue of the largest size takes seconds on a slow disk. */
const readMsMax = 300_000;

/**
 * Reads every queue of a Collector that does not run, and sets aside, as <name>.<time>.backup,
 * those that would end it at its start: its own setting for this, `recreate`, misses most damage.
 * The Collector itself only opens, and reports, the queues of its own exporters.
 */
export async function examineQueues({
  data,
  root,
  backends,
  env = process.env,
}: {
  /** VITRINE_DATA. */
  data: string;
  root: string;
  /** The names in VITRINE_BACKENDS. */
  backends: readonly string[];
  env?: NodeJS.ProcessEnv;
}): Promise<{ remainders: QueueRemainder[]; aside: QueueSetAside[] }> {
  const folder = join(data, 'collector', 'queue');
  const files = (await filesOf(folder)).filter(isQueue);
  const remainders: QueueRemainder[] = [];
  const aside: QueueSetAside[] = [];
  // Before the first start there is no queue, and nothing has to be built for it.
  if (files.length === 0) return { remainders, aside };
  const reader = join(await ensureServer('queueReader', { env, root }), 'queue-reader');
  const owners = await queueOwners(join(root, 'otel-collector', 'backends'));
  for (const file of files) {
    const path = join(folder, file);
    const read = await readQueue(reader, path);
    if ('damage' in read) {
      const backup = `${path}.${new Date().toISOString().replaceAll(':', '')}.backup`;
      await rename(path, backup);
      const message = `Cannot read the queue ${path}: ${read.damage}; it was set aside as ${backup}: restore it from a copy.`;
      aside.push({ path, backup, message });
      continue;
    }
    const known = owners.get(file);
    const backend = known?.find((name) => backends.includes(name)) ?? known?.[0];
    remainders.push({ file, ...read, backend, inUse: backend !== undefined && backends.includes(backend) });
  }
  return { remainders, aside };
}

async function readQueue(
  reader: string,
  path: string,
): Promise<Pick<QueueRemainder, 'requests' | 'items' | 'sizeBytes'> | { damage: string }> {
  // The Collector makes a new queue of an empty file.
  if ((await stat(path)).size === 0) return { requests: 0, items: 0, sizeBytes: 0 };
  try {
    const { stdout } = await promisify(execFile)(reader, [path], { timeout: readMsMax });
    return JSON.parse(stdout);
  } catch (error) {
    const { code, stderr } = error as { code?: unknown; stderr?: string };
    const damage = stderr?.split('\n')[0]?.slice(0, 200) ?? '';
    // 1: bbolt finds damage. 2: bbolt crashes, as the Collector would.
    if (code === 1 || code === 2) return { damage };
    throw new StackFailure(
      `Cannot read the queue ${path}: ${damage || (error as Error).message}; end the process that has it open.`,
      { cause: error },
    );
  }
}

function isQueue(file: string): boolean {
  return file.startsWith('exporter_') && !file.endsWith('.backup');
}

/** Which backend files have an exporter that keeps this queue. */
async function queueOwners(folder: string): Promise<Map<string, string[]>> {
  const owners = new Map<string, string[]>();
  for (const file of (await readdir(folder)).filter((name) => name.endsWith('.yaml'))) {
    const { exporters = {} } = parse(await readFile(join(folder, file), 'utf8')) as { exporters?: object };
    for (const id of Object.keys(exporters)) {
      const [type = '', name = ''] = id.split('/');
      for (const signal of ['traces', 'metrics', 'logs']) {
        const queue = `exporter_${type}_${name}_${signal}`.replaceAll(/[^A-Za-z0-9._-]/g, tildeCode);
        owners.set(queue, [...(owners.get(queue) ?? []), file.slice(0, -'.yaml'.length)]);
      }
    }
  }
  return owners;
}

/** The Collector writes what a file name should not have as a tilde and the character's number. */
function tildeCode(character: string): string {
  return `~${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}

async function filesOf(folder: string): Promise<string[]> {
  // Without a folder no Collector has run here yet.
  return (await ifThere(readdir(folder))) ?? [];
}
