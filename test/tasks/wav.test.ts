import assert from 'node:assert/strict';
import fc from 'fast-check';
import { readWav, readWavHead } from '../../src/audio/read-wav.ts';
import { encodeFrames, wavBytes, wavHead, writeWav } from '../../src/audio/write-wav.ts';
import { ServiceError } from '../../src/errors.ts';

const ramp = (length: number) => Float32Array.from({ length }, (_, at) => -1 + (2 * at) / length);

describe('a WAV file', () => {
  for (const [encoding, tolerance] of [
    ['pcm16', 2 ** -15],
    ['pcm24', 2 ** -23],
    ['float32', 0],
  ] as const) {
    it(`of ${encoding} gives back what was written, every channel`, () => {
      const audio = { sampleRateHz: 44_100, channels: [ramp(101), ramp(101).toReversed(), new Float32Array(101)] };
      const read = readWav(writeWav(audio, encoding));
      assert.equal(read.sampleRateHz, 44_100);
      assert.equal(read.channels.length, 3);
      read.channels.forEach((samples, channel) => {
        samples.forEach((sample, at) => {
          assert.ok(Math.abs(sample - (audio.channels[channel]?.[at] as number)) <= tolerance);
        });
      });
    });
  }

  it('of 32-bit integers, of the extensible format and with other chunks around is read', () => {
    const format = Buffer.alloc(40);
    format.writeUInt16LE(0xfffe, 0);
    format.writeUInt16LE(1, 2);
    format.writeUInt32LE(8000, 4);
    format.writeUInt32LE(32_000, 8);
    format.writeUInt16LE(4, 12);
    format.writeUInt16LE(32, 14);
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(1, 24);
    const data = Buffer.alloc(8);
    data.writeInt32LE(2 ** 30, 0);
    data.writeInt32LE(-(2 ** 31), 4);
    const read = readWav(riff(chunk('LIST', Buffer.from('odd')), chunk('fmt ', format), chunk('data', data)));
    assert.deepEqual([...(read.channels[0] as Float32Array)], [0.5, -1]);
  });

  it('is clipped, not wrapped, beyond full scale', () => {
    const read = readWav(writeWav({ sampleRateHz: 8000, channels: [Float32Array.of(1.5, -1.5)] }));
    assert.deepEqual([...(read.channels[0] as Float32Array)], [1 - 2 ** -15, -1]);
  });

  it('may be written piece by piece behind its head', () => {
    const channels = [ramp(10), ramp(10)];
    const whole = writeWav({ sampleRateHz: 8000, channels }, 'pcm24');
    const pieces = [0, 4, 9].map((start, at) => {
      const end = [4, 9, 10][at];
      return encodeFrames(
        channels.map((samples) => samples.slice(start, end)),
        'pcm24',
      );
    });
    const head = wavHead({ encoding: 'pcm24', channels: 2, sampleRateHz: 8000, frames: 10 });
    assert.deepEqual(Buffer.concat([head, ...pieces]), Buffer.from(whole));
    assert.equal(wavBytes('pcm24', 2, 10), whole.length);
  });

  it('says that it needs more bytes while its head is not whole', () => {
    const file = writeWav({ sampleRateHz: 8000, channels: [ramp(4)] });
    assert.equal(readWavHead(file.subarray(0, 30)), undefined);
    assert.equal(readWavHead(file.subarray(0, 44))?.dataOffset, 44);
  });

  it('that is cut off, or is none, is refused with the reason', () => {
    const file = writeWav({ sampleRateHz: 8000, channels: [ramp(100)] });
    assert.throws(() => readWav(file.subarray(0, 150)), /declares 200 bytes of samples and has 106/);
    assert.throws(() => readWav(Buffer.from('ID3 this is no wav file at all')), /does not begin with RIFF/);
    const silent = file.slice();
    silent[22] = 0;
    assert.throws(() => readWav(silent), /0 channels/);
  });

  it('of any junk behind a true head is read or refused, never a defect', () => {
    const head = writeWav({ sampleRateHz: 8000, channels: [ramp(4)] });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(60), (junk, at) => {
        const file = Buffer.alloc(Math.max(head.length, at + junk.length));
        file.set(head);
        file.set(junk, at);
        try {
          readWav(file);
        } catch (error) {
          assert.ok(error instanceof ServiceError, String(error));
        }
      }),
    );
  });
});

function chunk(name: string, data: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.write(name);
  head.writeUInt32LE(data.length, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

function riff(...chunks: Buffer[]): Buffer {
  return chunk('RIFF', Buffer.concat([Buffer.from('WAVE'), ...chunks]));
}
