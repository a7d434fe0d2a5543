import { open, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';

/** What one exporter's queue holds on disk. */
export type QueueRemainder = {
  /** The file in VITRINE_DATA/collector/queue. */
  file: string;
  requests: number;
  /** Spans, log records or metric points. */
  items: number;
  sizeBytes: number;
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
  for (const file of (await filesOf(folder)).filter((name) => name.startsWith('exporter_'))) {
    const known = owners.get(file);
    const backend = known?.find((name) => backends.includes(name)) ?? known?.[0];
    const inUse = backend !== undefined && backends.includes(backend);
    remainders.push({ file, ...(await readQueue(join(folder, file))), backend, inUse });
  }
  return remainders;
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

// The file is a bbolt database: pages of one size, two meta pages first (the newer one counts), a tree of buckets and keys below. The
// Collector keeps one bucket, `default`, and the queue's state under one key, as a protobuf message.

const stateKey = 'qmv0';
const metaMagic = 0xed0cdaed;
const branchFlag = 0x01;
const leafFlag = 0x02;
const pageHeaderBytes = 16;
const elementBytes = 16;
const bucketHeaderBytes = 16;

async function readQueue(path: string): Promise<{ requests: number; items: number; sizeBytes: number }> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    await file.read(head, 0, head.length, 0);
    const pageSizeBytes = head.readUInt32LE(pageHeaderBytes + 8);
    const root = [0, pageSizeBytes]
      .map((start) => head.subarray(start + pageHeaderBytes, start + pageHeaderBytes + 64))
      .filter((meta) => meta.length === 64 && meta.readUInt32LE(0) === metaMagic)
      .sort((one, other) => Number(other.readBigUInt64LE(48) - one.readBigUInt64LE(48)))[0];
    if (root === undefined) {
      throw new Error(
        `Cannot read ${path}: it is no queue of the Collector; look at it, and remove it if it is not needed.`,
      );
    }
    const readPage = async (id: number): Promise<Buffer> => {
      const header = Buffer.alloc(pageHeaderBytes);
      await file.read(header, 0, header.length, id * pageSizeBytes);
      const page = Buffer.alloc((header.readUInt32LE(12) + 1) * pageSizeBytes);
      await file.read(page, 0, page.length, id * pageSizeBytes);
      return page;
    };
    const bucket = await find(await readPage(Number(root.readBigUInt64LE(16))), 'default', readPage);
    if (bucket === undefined) return { requests: 0, items: 0, sizeBytes: 0 };
    const bucketRoot = Number(bucket.readBigUInt64LE(0));
    // A small bucket is kept within its own entry.
    const page = bucketRoot === 0 ? bucket.subarray(bucketHeaderBytes) : await readPage(bucketRoot);
    const state = await find(page, stateKey, readPage);
    return state === undefined ? { requests: 0, items: 0, sizeBytes: 0 } : decodeState(state);
  } finally {
    await file.close();
  }
}

/** Goes down the tree to one key. */
async function find(page: Buffer, key: string, readPage: (id: number) => Promise<Buffer>): Promise<Buffer | undefined> {
  const wanted = Buffer.from(key);
  const flags = page.readUInt16LE(8);
  const count = page.readUInt16LE(10);
  const elements = Array.from({ length: count }, (_, index) => pageHeaderBytes + index * elementBytes);
  if (flags & leafFlag) {
    for (const at of elements) {
      const keyAt = at + page.readUInt32LE(at + 4);
      const valueAt = keyAt + page.readUInt32LE(at + 8);
      if (page.subarray(keyAt, valueAt).equals(wanted))
        return page.subarray(valueAt, valueAt + page.readUInt32LE(at + 12));
    }
    return undefined;
  }
  if (flags & branchFlag) {
    // The last child whose first key is not beyond the one wanted.
    const child = elements.findLast((at) => {
      const keyAt = at + page.readUInt32LE(at);
      return page.subarray(keyAt, keyAt + page.readUInt32LE(at + 4)).compare(wanted) <= 0;
    });
    return child === undefined
      ? undefined
      : find(await readPage(Number(page.readBigUInt64LE(child + 8))), key, readPage);
  }
  throw new Error(`Cannot read the Collector's queue: a page has flags ${flags}; it was being written, read again.`);
}

/**
 * PersistentMetadata of the Collector's exporterhelper: items_size = 1, bytes_size = 2, read_index = 3, write_index = 4,
 * currently_dispatched_items = 5 (repeated), all of 8 bytes.
 */
function decodeState(state: Buffer): { requests: number; items: number; sizeBytes: number } {
  const numbers = [0, 0, 0, 0, 0];
  let dispatched = 0;
  for (let at = 0; at < state.length; ) {
    const tag = state[at++]!;
    const field = tag >> 3;
    if ((tag & 7) === 2) {
      const lengthBytes = readVarint(state, at);
      at = lengthBytes.next + lengthBytes.value;
      if (field === 5) dispatched += lengthBytes.value / 8;
    } else if ((tag & 7) === 1) {
      if (field === 5) dispatched += 1;
      else if (field < 5) numbers[field] = Number(state.readBigUInt64LE(at));
      at += 8;
    } else {
      throw new Error(
        `Cannot read the Collector's queue: its state has field ${field} in a form that is not known; the Collector's version has changed.`,
      );
    }
  }
  const [, items = 0, sizeBytes = 0, readIndex = 0, writeIndex = 0] = numbers;
  return { requests: writeIndex - readIndex + dispatched, items, sizeBytes };
}

function readVarint(bytes: Buffer, at: number): { value: number; next: number } {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (byte < 0x80) return { value, next: at };
  }
}
