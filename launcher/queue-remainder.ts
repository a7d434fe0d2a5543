import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { checkQueueFile, DamagedQueue, type QueueState, readQueueFile } from './queue-file.ts';

/** What one exporter's queue holds on disk. */
export type QueueRemainder = QueueState & {
  /** The file in VITRINE_DATA/collector/queue. */
  file: string;
  /** The file of otel-collector/backends/ that it belongs to, if there is one. */
  backend: string | undefined;
  /** Whether a Collector with the backends given would go on sending it. Without, it lies there until its backend is named again. */
  inUse: boolean;
};

/**
 * Reads what the Collector's queues hold, from their files: the only way to know of those whose backend is no longer named, since
 * the Collector opens (and tells of) the queues of its own exporters only. The files are never written. For a Collector that is running the
 * figures of queues in use are those of a moment; its metric otelcol_exporter_queue_size has the same.
 */
export async function readQueueRemainders({
  data,
  root,
  backends,
}: {
  /** VITRINE_DATA. */
  data: string;
  root: string;
  /** The names in VITRINE_BACKENDS. */
  backends: readonly string[];
}): Promise<QueueRemainder[]> {
  const folder = join(data, 'collector', 'queue');
  const owners = await queueOwners(join(root, 'otel-collector', 'backends'));
  const remainders: QueueRemainder[] = [];
  for (const file of (await filesOf(folder)).filter(isQueue)) {
    const known = owners.get(file);
    const backend = known?.find((name) => backends.includes(name)) ?? known?.[0];
    const inUse = backend !== undefined && backends.includes(backend);
    remainders.push({ file, ...(await readQueueFile(join(folder, file))), backend, inUse });
  }
  return remainders;
}

/**
 * Sets aside, as <name>.<time>.backup, the queues that the Collector would die of at its start. To be called before it starts. Its own
 * setting for this, `recreate`, misses most damage: it catches a panic where the file is opened, but the check of the pages runs
 * elsewhere, and a damaged head is an error like any other. Answers what was set aside.
 */
export async function setDamagedQueuesAside(
  data: string,
): Promise<{ path: string; backup: string; error: DamagedQueue }[]> {
  const folder = join(data, 'collector', 'queue');
  const aside: { path: string; backup: string; error: DamagedQueue }[] = [];
  for (const file of (await filesOf(folder)).filter(isQueue)) {
    const path = join(folder, file);
    try {
      await checkQueueFile(path);
    } catch (error) {
      if (!(error instanceof DamagedQueue)) throw error;
      const backup = `${path}.${new Date().toISOString().replaceAll(':', '')}.backup`;
      await rename(path, backup);
      aside.push({ path, backup, error });
    }
  }
  return aside;
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
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []; // No Collector has run here yet.
    throw error;
  }
}
