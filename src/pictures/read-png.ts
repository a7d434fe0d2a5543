import { crc32, inflateSync } from 'node:zlib';

/** Eight bits a channel, row by row from the top. */
export type Pixels = {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 2 | 3 | 4;
  readonly data: Uint8Array;
};

/** Channels by the colour type of the file; 3: an index into the palette. */
const channelsOf: Readonly<Record<number, 1 | 2 | 3 | 4>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };
const bitsOf: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

type Head = { readonly width: number; readonly height: number; readonly bits: number; readonly colour: number };

/**
 * The pixels of a PNG. Of 16 bits a channel, the upper 8 are taken. A text says why it cannot be
 * read; its size is looked at before anything is unpacked.
 */
export function readPng(bytes: Uint8Array, pixelsMax: number): Pixels | string {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!file.subarray(0, 8).equals(signature)) return 'it is no PNG';
  const chunks = readChunks(file);
  if (typeof chunks === 'string') return chunks;
  const { head, packed, palette, alpha } = chunks;
  const { width, height, bits, colour } = head;
  if (width * height > pixelsMax) return `it has ${width} × ${height} pixels, and at most ${pixelsMax} are taken`;
  const channels = channelsOf[colour]!;
  const rowBytes = Math.ceil((width * channels * bits) / 8);
  let rows: Buffer;
  try {
    rows = inflateSync(packed, { maxOutputLength: (rowBytes + 1) * height });
  } catch {
    return 'its pixels cannot be unpacked';
  }
  if (rows.length !== (rowBytes + 1) * height) return 'it has fewer pixels than its head says';
  const plain = unfiltered(rows, { height, rowBytes, stride: Math.max(1, (channels * bits) / 8) });
  if (plain === undefined) return 'a row has a filter that there is not';
  const values = samplesOf(plain, { width, height, channels, bits, rowBytes, isIndex: colour === 3 });
  if (colour !== 3) return { width, height, channels, data: values };
  if (palette === undefined) return 'it has no palette';
  return coloured(values, palette, alpha, { width, height });
}

function readChunks(file: Buffer) {
  let head: Head | undefined;
  let palette: Buffer | undefined;
  let alpha: Buffer | undefined;
  const packed: Buffer[] = [];
  let at = 8;
  for (;;) {
    if (at + 12 > file.length) return 'it is cut off';
    const length = file.readUInt32BE(at);
    if (at + 12 + length > file.length) return 'it is cut off';
    const name = file.toString('latin1', at + 4, at + 8);
    const data = file.subarray(at + 8, at + 8 + length);
    if (crc32(file.subarray(at + 4, at + 8 + length)) !== file.readUInt32BE(at + 8 + length)) return 'it is damaged';
    at += 12 + length;
    if (name === 'IEND') break;
    if (name === 'IHDR') {
      const found = headOf(data);
      if (typeof found === 'string') return found;
      head = found;
    } else if (name === 'PLTE') palette = data;
    else if (name === 'tRNS') alpha = data;
    else if (name === 'IDAT') packed.push(data);
  }
  if (head === undefined) return 'it has no head';
  return { head, packed: Buffer.concat(packed), palette, alpha };
}

function headOf(data: Buffer): Head | string {
  if (data.length !== 13) return 'its head is damaged';
  const [width, height] = [data.readUInt32BE(0), data.readUInt32BE(4)];
  const [bits, colour, , , interlaced] = data.subarray(8) as unknown as [number, number, number, number, number];
  if (width === 0 || height === 0) return 'it has no pixels';
  if (!bitsOf[colour]?.includes(bits)) return `there is no colour type ${colour} with ${bits} bits`;
  if (interlaced !== 0) return 'it is interlaced; save it without';
  return { width, height, bits, colour };
}

/** Undoes what a row was written as a difference from: its left, upper and upper left neighbour. */
function unfiltered(
  rows: Buffer,
  { height, rowBytes, stride }: { height: number; rowBytes: number; stride: number },
): Uint8Array | undefined {
  const plain = new Uint8Array(rowBytes * height);
  for (let row = 0; row < height; row += 1) {
    const filter = rows[row * (rowBytes + 1)]!;
    if (filter > 4) return undefined;
    const from = row * (rowBytes + 1) + 1;
    const to = row * rowBytes;
    for (let at = 0; at < rowBytes; at += 1) {
      const left = at >= stride ? plain[to + at - stride]! : 0;
      const up = row > 0 ? plain[to + at - rowBytes]! : 0;
      const upLeft = row > 0 && at >= stride ? plain[to + at - rowBytes - stride]! : 0;
      plain[to + at] = rows[from + at]! + predicted(filter, left, up, upLeft);
    }
  }
  return plain;
}

function predicted(filter: number, left: number, up: number, upLeft: number): number {
  switch (filter) {
    case 1:
      return left;
    case 2:
      return up;
    case 3:
      return (left + up) >> 1;
    case 4: {
      const estimate = left + up - upLeft;
      const [byLeft, byUp, byCorner] = [
        Math.abs(estimate - left),
        Math.abs(estimate - up),
        Math.abs(estimate - upLeft),
      ];
      if (byLeft <= byUp && byLeft <= byCorner) return left;
      return byUp <= byCorner ? up : upLeft;
    }
    default:
      return 0;
  }
}

/** One byte a sample: grey of fewer bits is stretched to 255, an index stays as it is. */
function samplesOf(
  plain: Uint8Array,
  of: { width: number; height: number; channels: number; bits: number; rowBytes: number; isIndex: boolean },
): Uint8Array {
  const { width, height, channels, bits, rowBytes, isIndex } = of;
  if (bits === 8) return plain;
  const values = new Uint8Array(width * height * channels);
  const perRow = width * channels;
  const factor = isIndex ? 1 : 255 / (2 ** bits - 1);
  for (let row = 0; row < height; row += 1)
    for (let at = 0; at < perRow; at += 1) {
      const bit = at * bits;
      const byte = plain[row * rowBytes + (bit >> 3)]!;
      const value = bits === 16 ? byte : ((byte >> (8 - bits - (bit & 7))) & (2 ** bits - 1)) * factor;
      values[row * perRow + at] = value;
    }
  return values;
}

function coloured(
  indices: Uint8Array,
  palette: Buffer,
  alpha: Buffer | undefined,
  { width, height }: { width: number; height: number },
): Pixels | string {
  const channels = alpha === undefined ? 3 : 4;
  const data = new Uint8Array(width * height * channels);
  for (let at = 0; at < indices.length; at += 1) {
    const index = indices[at]!;
    if (index * 3 + 2 >= palette.length) return 'a pixel has a colour that is not in its palette';
    for (let channel = 0; channel < 3; channel += 1) data[at * channels + channel] = palette[index * 3 + channel]!;
    if (alpha !== undefined) data[at * channels + 3] = alpha[index] ?? 255;
  }
  return { width, height, channels, data };
}
