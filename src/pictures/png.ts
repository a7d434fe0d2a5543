import { crc32, deflateSync } from 'node:zlib';

/** By how many channels a pixel has: grey, colours, colours with opacity. */
const colourTypes = { 1: 0, 3: 2, 4: 6 } as const;

/** A picture of 8 bits a channel, row by row from the top. */
export function encodePng(width: number, height: number, pixels: Uint8Array, channels: 1 | 3 | 4 = 1): Uint8Array {
  const rowBytes = width * channels;
  if (pixels.length !== rowBytes * height)
    throw new RangeError(`Cannot write ${width} × ${height} pixels: there are ${pixels.length}.`);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  // Eight bits, and the only compression, filtering and order (none) that need no more.
  head.set([8, colourTypes[channels], 0, 0, 0], 8);
  // Every row begins with its filter: 0, none.
  const rows = Buffer.alloc((rowBytes + 1) * height);
  for (let row = 0; row < height; row += 1) {
    rows.set(pixels.subarray(row * rowBytes, (row + 1) * rowBytes), row * (rowBytes + 1) + 1);
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([
    signature,
    chunk('IHDR', head),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(name: string, data: Uint8Array): Buffer {
  const out = Buffer.alloc(data.length + 12);
  out.writeUInt32BE(data.length, 0);
  out.write(name, 4, 'latin1');
  out.set(data, 8);
  out.writeUInt32BE(crc32(out.subarray(4, data.length + 8)), data.length + 8);
  return out;
}
