import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { crc32, inflateSync } from 'node:zlib';
import { encodePng } from '../../src/pictures/png.ts';
import { encodeNpy } from '../../src/tasks/files/npy.ts';
import { writeZip } from '../../src/tasks/files/zip.ts';

describe('a zip file', () => {
  it('gives back what went in, by its directory and by the heads in it', async () => {
    const big = Buffer.alloc(100_000, 7);
    const entries = [
      { name: 'harmonic.wav', bytes: [Buffer.from('RIFF'), big] },
      { name: 'perkussiv-ä.wav', bytes: [] },
      { name: 'third.wav', bytes: Readable.from([Buffer.from('a'), Buffer.from('b')]) },
    ];
    const pieces: Uint8Array[] = [];
    for await (const piece of writeZip(entries)) pieces.push(piece);
    const unpacked = unzip(Buffer.concat(pieces));
    assert.deepEqual(
      unpacked.map(({ name }) => name),
      ['harmonic.wav', 'perkussiv-ä.wav', 'third.wav'],
    );
    assert.deepEqual(unpacked[0]?.bytes, Buffer.concat([Buffer.from('RIFF'), big]));
    assert.equal(unpacked[1]?.bytes.length, 0);
    assert.equal(String(unpacked[2]?.bytes), 'ab');
  });

  it('asks for the next piece only when the last one was taken', async () => {
    let made = 0;
    const bytes = (function* () {
      for (;;) {
        made += 1;
        yield Buffer.alloc(10);
      }
    })();
    const zip = writeZip([{ name: 'endless', bytes }]);
    for (let taken = 0; taken < 5; taken += 1) await zip.next();
    assert.equal(made, 4);
    await zip.return(undefined);
  });

  it('refuses names that are paths', async () => {
    for (const name of ['../etc/passwd', 'a/b', 'a\\b', '', '.', '..', 'a\0b']) {
      await assert.rejects(writeZip([{ name, bytes: [] }]).next(), /no plain file name/);
    }
  });
});

describe('a PNG', () => {
  it('holds its pixels row by row, with the checksums that the format asks', () => {
    const png = Buffer.from(encodePng(3, 2, Uint8Array.of(0, 128, 255, 1, 2, 3)));
    assert.deepEqual([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
    assert.deepEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [3, 2]);
    const length = png.readUInt32BE(33);
    assert.equal(png.toString('latin1', 37, 41), 'IDAT');
    assert.deepEqual([...inflateSync(png.subarray(41, 41 + length))], [0, 0, 128, 255, 0, 1, 2, 3]);
    // The checksum of an empty IEND is the same in every PNG there is.
    assert.equal(png.subarray(-4).toString('hex'), 'ae426082');
  });

  it('refuses a wrong number of pixels', () => {
    assert.throws(() => encodePng(2, 2, new Uint8Array(3)), /there are 3/);
  });
});

describe('an array in NumPy’s format', () => {
  it('has the head that NumPy writes, its numbers at a multiple of 64 bytes', () => {
    const bytes = Buffer.from(encodeNpy([2, 3], Float32Array.of(1, 2, 3, 4, 5, 6)));
    assert.equal(bytes.toString('latin1', 0, 8), '\x93NUMPY\x01\x00');
    const start = 10 + bytes.readUInt16LE(8);
    assert.equal(start % 64, 0);
    assert.match(
      bytes.toString('latin1', 10, start),
      /^\{'descr': '<f4', 'fortran_order': False, 'shape': \(2, 3\), \} *\n$/,
    );
    assert.equal(bytes.readFloatLE(start + 20), 6);
    assert.match(Buffer.from(encodeNpy([3], Uint8Array.of(1, 2, 3))).toString('latin1'), /'\|u1'.*\(3,\)/);
  });
});

/**
 * Reads a zip file as the format's description says, from the directory at its end, and checks what
 * stands twice.
 */
function unzip(file: Buffer): { name: string; bytes: Buffer }[] {
  const end = file.length - 22;
  assert.equal(file.readUInt32LE(end), 0x06054b50);
  const count = file.readUInt16LE(end + 10);
  let at = file.readUInt32LE(end + 16);
  assert.equal(at + file.readUInt32LE(end + 12), end);
  const entries = Array.from({ length: count }, () => {
    assert.equal(file.readUInt32LE(at), 0x02014b50);
    const [checksum, size, stored] = [16, 20, 24].map((offset) => file.readUInt32LE(at + offset)) as [
      number,
      number,
      number,
    ];
    assert.equal(size, stored);
    const nameLength = file.readUInt16LE(at + 28);
    const name = file.toString('utf8', at + 46, at + 46 + nameLength);
    const head = file.readUInt32LE(at + 42);
    assert.equal(file.readUInt32LE(head), 0x04034b50);
    const start = head + 30 + file.readUInt16LE(head + 26);
    const bytes = file.subarray(start, start + size);
    assert.equal(crc32(bytes), checksum);
    // The same figures follow the data.
    assert.deepEqual(
      [0, 4, 8, 12].map((offset) => file.readUInt32LE(start + size + offset)),
      [0x08074b50, checksum, size, size],
    );
    at += 46 + nameLength;
    return { name, bytes };
  });
  assert.equal(at, end);
  return entries;
}
