import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { inflateSync } from 'node:zlib';
import { encodeNpy } from '../../src/tasks/files/npy.ts';
import { encodePng } from '../../src/tasks/files/png.ts';
import { writeZip } from '../../src/tasks/files/zip.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

describe('a zip file', () => {
  it('is unpacked by Python’s zipfile to what went in, checksums and all', async () => {
    await using folder = await temporaryFolder();
    const entries = [
      { name: 'harmonic.wav', bytes: [Buffer.from('RIFF'), Buffer.alloc(100_000, 7)] },
      { name: 'perkussiv-ä.wav', bytes: [] },
      { name: 'third.wav', bytes: Readable.from([Buffer.from('a'), Buffer.from('b')]) },
    ];
    const path = join(folder.path, 'stems.zip');
    await pipeline(writeZip(entries), createWriteStream(path));
    const unpacked = join(folder.path, 'stems');
    await mkdir(unpacked);
    const tested = execFileSync('python3', [
      '-c',
      'import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); print(z.testzip()); z.extractall(sys.argv[2])',
      path,
      unpacked,
    ]);
    assert.equal(String(tested).trim(), 'None');
    assert.equal((await readFile(join(unpacked, 'harmonic.wav'))).length, 100_004);
    assert.equal((await readFile(join(unpacked, 'perkussiv-ä.wav'))).length, 0);
    assert.equal(await readFile(join(unpacked, 'third.wav'), 'utf8'), 'ab');
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
