import { type FileHandle, open } from 'node:fs/promises';

/** A queue's file that the Collector could not open, or only by dying of it. */
export class DamagedQueue extends Error {
  constructor(path: string, what: string) {
    super(`Cannot read the queue ${path}: ${what}; set the file aside, or restore it.`);
    this.name = 'DamagedQueue';
  }
}

/** What a queue of the Collector holds: requests, and in them spans, log records or metric points. */
export type QueueState = { requests: number; items: number; sizeBytes: number };

/** Reads a queue's state from its file, which may be in use. */
export async function readQueueFile(path: string): Promise<QueueState> {
  const file = await open(path);
  try {
    if ((await file.stat()).size === 0) return { requests: 0, items: 0, sizeBytes: 0 };
    const pages = await Pages.of(file, path);
    const bucket = await find(await pages.read(pages.root), 'default', pages);
    if (bucket === undefined) return { requests: 0, items: 0, sizeBytes: 0 };
    const root = Number(bucket.readBigUInt64LE(0));
    // A small bucket is kept within its own entry.
    const state = await find(root === 0 ? bucket.subarray(bucketHeaderBytes) : await pages.read(root), stateKey, pages);
    return state === undefined ? { requests: 0, items: 0, sizeBytes: 0 } : decodeState(state, path);
  } finally {
    await file.close();
  }
}

/** Looks at every page of a queue's file that nothing has open; throws DamagedQueue where the Collector would fail. */
export async function checkQueueFile(path: string): Promise<void> {
  const file = await open(path);
  try {
    if ((await file.stat()).size === 0) return; // The Collector begins it anew.
    const pages = await Pages.of(file, path);
    await check(await pages.read(pages.root), pages);
    if (pages.freelist !== undefined) await pages.read(pages.freelist);
  } finally {
    await file.close();
  }
}

// The file is a bbolt database: pages of one size, two meta pages first (the newer one counts), a tree of buckets and keys below. The
// Collector keeps one bucket, `default`, and the queue's state under one key, as a protobuf message.

const stateKey = 'qmv0';
const metaMagic = 0xed0cdaed;
const branchFlag = 0x01;
const leafFlag = 0x02;
const bucketFlag = 0x01;
const pageHeaderBytes = 16;
const elementBytes = 16;
const bucketHeaderBytes = 16;
const metaBytes = 64;
const noPage = 2n ** 64n - 1n;

class Pages {
  readonly root: number;
  readonly freelist: number | undefined;
  readonly path: string;
  readonly #file: FileHandle;
  readonly #pageBytes: number;

  private constructor(file: FileHandle, path: string, pageBytes: number, meta: Buffer) {
    this.#file = file;
    this.path = path;
    this.#pageBytes = pageBytes;
    this.root = Number(meta.readBigUInt64LE(16));
    const freelist = meta.readBigUInt64LE(32);
    this.freelist = freelist === noPage ? undefined : Number(freelist);
  }

  static async of(file: FileHandle, path: string): Promise<Pages> {
    const head = Buffer.alloc(128 * 1024);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    // The second meta page lies one page further, and a page is as large as the system's: 4, 16 or 64 KiB.
    const metas = [0, 4096, 16_384, 65_536]
      .map((start) => start + pageHeaderBytes)
      .filter((start) => start + metaBytes <= bytesRead && head.readUInt32LE(start) === metaMagic)
      .map((start) => head.subarray(start, start + metaBytes))
      .filter((meta) => meta.readBigUInt64LE(56) === fnv1a(meta.subarray(0, 56)))
      .sort((one, other) => Number(other.readBigUInt64LE(48) - one.readBigUInt64LE(48)));
    const [meta] = metas;
    if (meta === undefined) throw new DamagedQueue(path, 'neither of the two pages at its head is whole');
    return new Pages(file, path, meta.readUInt32LE(8), meta);
  }

  async read(id: number): Promise<Buffer> {
    const header = Buffer.alloc(pageHeaderBytes);
    const { bytesRead } = await this.#file.read(header, 0, header.length, id * this.#pageBytes);
    if (bytesRead < header.length) throw new DamagedQueue(this.path, `it ends before page ${id}`);
    if (header.readBigUInt64LE(0) !== BigInt(id)) throw new DamagedQueue(this.path, `page ${id} holds something else`);
    const page = Buffer.alloc((header.readUInt32LE(12) + 1) * this.#pageBytes);
    const whole = await this.#file.read(page, 0, page.length, id * this.#pageBytes);
    if (whole.bytesRead < page.length) throw new DamagedQueue(this.path, `it ends within page ${id}`);
    return page;
  }
}

async function check(page: Buffer, pages: Pages): Promise<void> {
  for (const at of elementsOf(page)) {
    if (page.readUInt16LE(8) & branchFlag) {
      await check(await pages.read(Number(page.readBigUInt64LE(at + 8))), pages);
    } else if (page.readUInt32LE(at) & bucketFlag) {
      const root = Number(leafValue(page, at).readBigUInt64LE(0));
      if (root !== 0) await check(await pages.read(root), pages);
    }
  }
}

/** Goes down the tree to one key. */
async function find(page: Buffer, key: string, pages: Pages): Promise<Buffer | undefined> {
  const wanted = Buffer.from(key);
  const elements = elementsOf(page);
  if (page.readUInt16LE(8) & leafFlag) {
    const at = elements.find((one) => {
      const keyAt = one + page.readUInt32LE(one + 4);
      return page.subarray(keyAt, keyAt + page.readUInt32LE(one + 8)).equals(wanted);
    });
    return at === undefined ? undefined : leafValue(page, at);
  }
  if (page.readUInt16LE(8) & branchFlag) {
    // The last child whose first key is not beyond the one wanted.
    const child = elements.findLast((at) => {
      const keyAt = at + page.readUInt32LE(at);
      return page.subarray(keyAt, keyAt + page.readUInt32LE(at + 4)).compare(wanted) <= 0;
    });
    return child === undefined
      ? undefined
      : find(await pages.read(Number(page.readBigUInt64LE(child + 8))), key, pages);
  }
  throw new DamagedQueue(pages.path, 'a page of the tree is neither branch nor leaf');
}

function elementsOf(page: Buffer): number[] {
  return Array.from({ length: page.readUInt16LE(10) }, (_, index) => pageHeaderBytes + index * elementBytes);
}

function leafValue(leaf: Buffer, at: number): Buffer {
  const valueAt = at + leaf.readUInt32LE(at + 4) + leaf.readUInt32LE(at + 8);
  return leaf.subarray(valueAt, valueAt + leaf.readUInt32LE(at + 12));
}

/** The checksum of a meta page: FNV-1a of 64 bits. */
function fnv1a(bytes: Buffer): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}

/**
 * PersistentMetadata of the Collector's exporterhelper: items_size = 1, bytes_size = 2, read_index = 3, write_index = 4,
 * currently_dispatched_items = 5 (repeated), all of 8 bytes.
 */
function decodeState(state: Buffer, path: string): QueueState {
  const numbers = [0, 0, 0, 0, 0];
  let dispatched = 0;
  for (let at = 0; at < state.length; ) {
    const tag = state[at++]!;
    const field = tag >> 3;
    if ((tag & 7) === 2) {
      const length = readVarint(state, at);
      at = length.next + length.value;
      if (field === 5) dispatched += length.value / 8;
    } else if ((tag & 7) === 1) {
      if (field === 5) dispatched += 1;
      else if (field < 5) numbers[field] = Number(state.readBigUInt64LE(at));
      at += 8;
    } else {
      throw new DamagedQueue(path, `its state has field ${field} in a form that this version does not know`);
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
