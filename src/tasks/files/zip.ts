import { crc32 } from 'node:zlib';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

export type ZipEntry = {
  /** A plain file name; folders are not made. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
};

const formatBytesMax = 2 ** 32 - 1;

/**
 * A zip file, piece by piece as its entries give their bytes: nothing is kept but names, sizes and
 * checksums. Entries are stored, not compressed: samples hardly shrink. Sizes stand behind each
 * entry and in the directory at the end. The same bytes for the same entries.
 */
export async function* writeZip(entries: AsyncIterable<ZipEntry> | Iterable<ZipEntry>): AsyncGenerator<Uint8Array> {
  const directory: Uint8Array[] = [];
  let offset = 0;
  for await (const { name, bytes } of entries) {
    const encoded = nameOf(name);
    const head = record('PK\x03\x04', [...common, [4, 0], [4, 0], [4, 0], [2, encoded.length], [2, 0]], encoded);
    yield head;
    let checksum = 0;
    let size = 0;
    for await (const piece of bytes) {
      checksum = crc32(piece, checksum);
      size += piece.length;
      if (offset + size > formatBytesMax) throw tooLarge();
      yield piece;
    }
    const sizes: Field[] = [
      [4, checksum],
      [4, size],
      [4, size],
    ];
    const behind = record('PK\x07\x08', sizes);
    yield behind;
    const attributes: Field[] = [
      [2, encoded.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ];
    directory.push(record('PK\x01\x02', [[2, 20], ...common, ...sizes, ...attributes], encoded));
    offset += head.length + size + behind.length;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  if (offset + size > formatBytesMax || directory.length > 65_535) throw tooLarge();
  yield* directory;
  yield record('PK\x05\x06', [
    [2, 0],
    [2, 0],
    [2, directory.length],
    [2, directory.length],
    [4, size],
    [4, offset],
    [2, 0],
  ]);
}

type Field = readonly [bytes: 2 | 4, value: number];

/**
 * Version 2.0; sizes follow the data, names are UTF-8; stored; midnight of the first day a zip file
 * can name, 1 January 1980.
 */
const common: readonly Field[] = [
  [2, 20],
  [2, 0x0808],
  [2, 0],
  [2, 0],
  [2, 0x21],
];

function record(signature: string, fields: readonly Field[], name: Uint8Array = new Uint8Array()): Uint8Array {
  const length = fields.reduce((sum, [bytes]) => sum + bytes, signature.length);
  const out = Buffer.alloc(length + name.length);
  out.write(signature, 'latin1');
  let at = signature.length;
  for (const [bytes, value] of fields) at = out.writeUIntLE(value, at, bytes);
  out.set(name, length);
  return out;
}

function nameOf(name: string): Buffer {
  if (/[/\\\0]|^\.{0,2}$/.test(name))
    throw new RangeError(`Cannot put ${JSON.stringify(name)} into a zip file: it is no plain file name.`);
  return Buffer.from(name);
}

function tooLarge(): ServiceError {
  return new ServiceError(
    'invalid_input',
    say`Cannot write a zip file beyond 4 GiB: ask for one stem at a time, or for pcm16.`,
  );
}
