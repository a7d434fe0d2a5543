import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { readWav } from '../../src/audio/read-wav.ts';
import { resample } from '../../src/audio/resample.ts';
import type { OperationName } from '../../src/engine/pipelines/operations/operation-names.ts';
import { operations } from '../../src/engine/pipelines/operations/operations.ts';
import type { Tensor, TypedArray } from '../../src/engine/tensor.ts';
import type { ServiceError } from '../../src/errors.ts';
import { toneWav } from '../../testkit/tone-wav.ts';
import { fp32, serveModels } from './serve-models.ts';

const bytesMax = 2 ** 24;

/** The outputs as a pipeline would have them: by the schema, the plan, and the bytes foretold. */
async function done(name: OperationName, inputs: readonly Tensor[], given: object = {}) {
  const operation = operations[name];
  const how = operation.how.parse(given);
  const forms = operation.plan(inputs, how);
  assert.ok(typeof forms !== 'string', String(forms));
  const expected = operation.bytes(inputs, how);
  if (typeof expected === 'string') throw new Error(expected);
  const made = await operation.run(inputs, how, bytesMax);
  for (const [at, { datatype, shape, data }] of made.entries()) {
    assert.equal(datatype, forms[at]!.datatype);
    assert.equal(
      data.length,
      shape.reduce((product, size) => product * size, 1),
    );
    assert.ok(
      forms[at]!.shape.every((size, axis) => size < 0 || size === shape[axis]),
      `[${shape}]`,
    );
  }
  return made.map(({ shape, data }) => ({ shape, data: [...(data as TypedArray)] }));
}

const near = (found: readonly unknown[], expected: readonly number[]) => {
  assert.equal(found.length, expected.length);
  for (const [at, value] of expected.entries())
    assert.ok(Math.abs(Number(found[at]) - value) < 1e-5, `${at}: ${found[at]}`);
};
const ofBytes = (data: Uint8Array): Tensor => ({ name: 'bytes', datatype: 'UINT8', shape: [data.length], data });

describe('an operation of a pipeline', () => {
  it('softmax sums up to one along its axis, also of large scores', async () => {
    const x = fp32('x', [2, 2], [1000, 0, 1000, Math.log(3)]);
    near((await done('softmax', [x]))[0]!.data, [1, 0, 1, 0]);
    near((await done('softmax', [x], { axis: 0 }))[0]!.data, [0.5, 0.25, 0.5, 0.75]);
  });

  it('argmax finds the first of the largest along its axis, and no NaN', async () => {
    const x = fp32('x', [2, 3], [1, 5, 5, Number.NaN, -2, -3]);
    assert.deepEqual(await done('argmax', [x]), [{ shape: [2], data: [1n, 1n] }]);
    assert.deepEqual(await done('argmax', [x], { axis: 0, keep_axis: true }), [{ shape: [1, 3], data: [0n, 0n, 0n] }]);
    await assert.rejects(done('argmax', [fp32('x', [2, 0], [])]), /empty/);
  });

  it('top_k gives the largest in order, with their places, along any axis', async () => {
    const x = fp32('x', [3, 2], [1, 6, 3, Number.NaN, 2, 5]);
    const [values, indices] = await done('top_k', [x], { k: 2, axis: 0 });
    assert.deepEqual(
      [values!.data, indices!.data],
      [
        [3, 6, 2, 5],
        [1n, 0n, 2n, 2n],
      ],
    );
    const whole: Tensor = { name: 'x', datatype: 'INT64', shape: [3], data: BigInt64Array.of(4n, 9n, 4n) };
    assert.deepEqual((await done('top_k', [whole], { k: 3 }))[1]!.data, [1n, 0n, 2n]);
    const free = { ...fp32('x', [1, 2], [1, 2]), shape: [1, 2] };
    await assert.rejects(async () => {
      const how = operations.top_k.how.parse({ k: 3 });
      assert.ok(typeof operations.top_k.plan([{ datatype: 'FP32', shape: [1, -1] }], how) !== 'string');
      throw new Error(String(operations.top_k.bytes([free], how)));
    }, /k is 3, and x \[1,2\] has only 2 values/);
  });

  it('normalise takes whole numbers and has a mean and a deviation for each channel', async () => {
    const pixels: Tensor = { name: 'x', datatype: 'UINT8', shape: [2, 1, 2], data: Uint8Array.of(0, 255, 51, 102) };
    near((await done('normalise', [pixels], { scale: 1 / 255 }))[0]!.data, [0, 1, 0.2, 0.4]);
    const channels = { scale: 1 / 255, mean: [0.2, 0.4], deviation: [0.5, 2], axis: 0 };
    near((await done('normalise', [pixels], channels))[0]!.data, [-0.4, 1.6, -0.1, 0]);
    await assert.rejects(done('normalise', [pixels], { mean: [1, 2, 3] }), /mean has 3 numbers/);
    await assert.rejects(done('normalise', [pixels], { deviation: [1, 0] }), /deviation is 0/);
  });

  it('window cuts with overlap, fills up or leaves out the rest, and weighs', async () => {
    const x = fp32('x', [2, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const rest = await done('window', [x], { length: 3, hop: 2 });
    assert.deepEqual(rest[0], { shape: [2, 2, 3], data: [1, 2, 3, 3, 4, 5, 6, 7, 8, 8, 9, 10] });
    assert.deepEqual((await done('window', [x], { length: 4 }))[0]!.data.slice(0, 8), [1, 2, 3, 4, 5, 0, 0, 0]);
    assert.deepEqual((await done('window', [x], { length: 4, end: 'drop' }))[0]!.shape, [2, 1, 4]);
    near(
      (await done('window', [x], { length: 4, end: 'drop', weights: 'hann' }))[0]!.data,
      [0, 1, 3, 2, 0, 3.5, 8, 4.5],
    );
    await assert.rejects(done('window', [x], { length: 6, end: 'drop' }), /set end to pad/);
  });

  it('resample gives what resampling a whole sound gives, row by row', async () => {
    const samples = Float32Array.from({ length: 480 }, (_, at) => Math.sin(at / 9));
    const x = fp32('x', [2, 240], samples);
    const [y] = await done('resample', [x], { from_hz: 48_000, to_hz: 16_000 });
    assert.deepEqual(y!.shape, [2, 80]);
    for (const row of [0, 1])
      near(y!.data.slice(row * 80, row * 80 + 80), [
        ...resample(samples.slice(row * 240, row * 240 + 240), 48_000, 16_000),
      ]);
  });

  it('decode_sound reads what encode_sound wrote, and files of other formats', async () => {
    const samples = Float32Array.from({ length: 2000 }, (_, at) => 0.5 * Math.sin(at / 20));
    const [file] = await done('encode_sound', [fp32('sound', [2, 1000], samples)], {
      rate_hz: 22_050,
      encoding: 'float32',
    });
    assert.equal(readWav(Uint8Array.from(file!.data as number[])).sampleRateHz, 22_050);
    const [sound, rate] = await done('decode_sound', [ofBytes(Uint8Array.from(file!.data as number[]))]);
    assert.deepEqual([sound!.shape, rate!.data], [[2, 1000], [22_050]]);
    near(sound!.data, [...samples]);
    const [mean, wanted] = await done('decode_sound', [ofBytes(Uint8Array.from(file!.data as number[]))], {
      channels: 'mean',
      rate_hz: 11_025,
    });
    assert.deepEqual([mean!.shape, wanted!.data], [[500], [11_025]]);
    const folder = join(import.meta.dirname, '../../testkit/fixtures/audio');
    for (const name of sounds) {
      const bytes = await readFile(join(folder, name));
      const [decoded] = await done('decode_sound', [ofBytes(bytes)]);
      assert.ok(decoded!.data.length > 0, name);
    }
  });

  it('decode_sound refuses what is no sound, is too long or takes too much', async () => {
    const refused = async (bytes: Uint8Array, given: object = {}, most = bytesMax) => {
      const { how, run } = operations.decode_sound;
      return await Promise.resolve(run([ofBytes(bytes)], how.parse(given), most)).then(
        () => assert.fail('it was taken'),
        ({ code }: ServiceError) => code,
      );
    };
    assert.equal(await refused(Uint8Array.of(1, 2, 3, 4)), 'media_not_supported');
    assert.equal(await refused(new Uint8Array(0)), 'invalid_audio');
    const tone = toneWav({ seconds: 1, sampleRateHz: 8000 });
    assert.equal(await refused(tone.subarray(0, 4000)), 'invalid_audio');
    assert.equal(await refused(tone, { seconds_max: 0.5 }), 'audio_too_long');
    assert.equal(await refused(tone, {}, 4 * 7999), 'audio_too_long');
    // Resampled it is larger than what it was decoded from.
    assert.equal(await refused(tone, { rate_hz: 48_000 }, 4 * 8001), 'audio_too_long');
  });

  for (const channels of [1, 3, 4] as const)
    it(`decode_png reads the ${channels} channels that encode_png wrote`, async () => {
      const data = Uint8Array.from({ length: 6 * 5 * channels }, (_, at) => (at * 37) % 256);
      const pixels: Tensor = { name: 'pixels', datatype: 'UINT8', shape: [6, 5, channels], data };
      const [file] = await done('encode_png', [pixels]);
      const [read] = await done('decode_png', [ofBytes(Uint8Array.from(file!.data as number[]))], { channels });
      assert.deepEqual(read, { shape: [6, 5, channels], data: [...data] });
    });

  it('decode_png reads every filter, depth and colour type, and puts channels where they are wanted', async () => {
    for (const { colour, bits, channels } of kinds) {
      const rowBytes = Math.ceil((7 * channels * bits) / 8);
      const raw = Uint8Array.from({ length: rowBytes * 5 }, (_, at) => (at * 73 + (at >> 2) * 29) % 256);
      const palette = colour === 3 ? Uint8Array.from({ length: 3 << bits }, (_, at) => (at * 11) % 256) : undefined;
      const file = pngOf({
        width: 7,
        height: 5,
        bits,
        colour,
        rowBytes,
        stride: Math.max(1, (channels * bits) / 8),
        raw,
        palette,
      });
      const [found] = await done('decode_png', [ofBytes(file)], { channels: 4 });
      const expected: number[] = [];
      for (let row = 0; row < 5; row += 1)
        for (let column = 0; column < 7; column += 1) {
          const own = Array.from({ length: channels }, (_, channel) => {
            const bit = (column * channels + channel) * bits;
            const byte = raw[row * rowBytes + (bit >> 3)]!;
            return bits >= 8 ? byte : (byte >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
          });
          const grey = bits < 8 ? (own[0]! * 255) / (2 ** bits - 1) : own[0]!;
          if (palette) expected.push(...palette.subarray(own[0]! * 3, own[0]! * 3 + 3), 255);
          else if (channels <= 2) expected.push(grey, grey, grey, own[1] ?? 255);
          else expected.push(own[0]!, own[1]!, own[2]!, own[3] ?? 255);
        }
      assert.deepEqual(found, { shape: [5, 7, 4], data: expected }, `colour type ${colour}, ${bits} bits`);
      const [first] = await done('decode_png', [ofBytes(file)], { channels: 4, channels_first: true });
      assert.deepEqual([first!.shape, first!.data[0], first!.data[35]], [[4, 5, 7], expected[0], expected[1]]);
    }
  });

  it('decode_png refuses what is damaged, cut off or larger than it may be, before it is unpacked', async () => {
    const raw = new Uint8Array(3 * 4);
    const parts = { width: 4, height: 3, bits: 8, colour: 0, rowBytes: 4, stride: 1, raw, palette: undefined };
    const file = pngOf(parts);
    const says = async (bytes: Uint8Array, most = bytesMax) => {
      const { how, run } = operations.decode_png;
      try {
        await run([ofBytes(bytes)], how.parse({}), most);
      } catch (error) {
        assert.equal((error as ServiceError).code, 'invalid_input');
        return String(error);
      }
      return assert.fail('it was taken');
    };
    assert.match(await says(file.subarray(0, -20)), /cut off/);
    assert.match(await says(Uint8Array.from(file, (byte, at) => (at === 45 ? byte ^ 1 : byte))), /damaged/);
    assert.match(await says(Uint8Array.of(255, 216, 255)), /no PNG/);
    assert.match(await says(file, 8 * 11), /4 × 3 pixels, and at most 11/);
    assert.match(await says(pngOf({ ...parts, width: 60_000, height: 60_000 })), /60000 × 60000 pixels/);
    assert.match(await says(pngOf({ ...parts, height: 4 })), /fewer pixels/);
    assert.match(await says(pngOf({ ...parts, height: 2 })), /cannot be unpacked/);
    assert.match(await says(pngOf({ ...parts, bits: 3 })), /no colour type 0 with 3 bits/);
    assert.match(await says(pngOf({ ...parts, colour: 3 })), /no palette/);
  });

  it('that takes long is done in a thread, and its failure is the step’s', async () => {
    await using served = await serveModels({
      listen: {
        manifest: {
          inputs: [{ name: 'file', datatype: 'UINT8', shape: [-1] }],
          steps: [
            {
              name: 'read',
              operation: 'decode_sound',
              with: { channels: 'mean', rate_hz: 16_000 },
              inputs: { bytes: 'file' },
              outputs: { sound: 'sound' },
            },
            {
              name: 'cut',
              operation: 'window',
              with: { length: 400 },
              inputs: { x: 'sound' },
              outputs: { y: 'windows' },
            },
          ],
          outputs: ['windows'],
        },
      },
    });
    const tone = toneWav({ seconds: 1, sampleRateHz: 48_000 });
    const answers = await Promise.all(
      [1, 2, 3].map(() => served.infer('listen', [{ ...ofBytes(tone), name: 'file' }])),
    );
    for (const { outputs } of answers) assert.deepEqual(outputs[0]!.shape, [40, 400]);
    await assert.rejects(
      served.infer('listen', [{ ...ofBytes(tone.subarray(0, 99)), name: 'file' }]),
      (error: ServiceError) => {
        assert.equal(error.code, 'invalid_audio');
        assert.match(error.message, /pipeline listen: its step "read" failed: Cannot read the file/);
        return true;
      },
    );
    const signal = { aborted: true };
    await assert.rejects(served.infer('listen', [{ ...ofBytes(tone), name: 'file' }], { signal }), {
      code: 'caller_gone',
    });
    // The next ones are served as ever.
    await served.infer('listen', [{ ...ofBytes(tone), name: 'file' }]);
  });
});

const sounds = ['formats/stereo.flac', 'formats/mono.mp3', 'formats/opus.ogg', 'formats/float.aiff'];

const kinds = [
  ...[1, 2, 4, 8, 16].map((bits) => ({ colour: 0, bits, channels: 1 })),
  ...[8, 16].map((bits) => ({ colour: 2, bits, channels: 3 })),
  ...[1, 2, 4, 8].map((bits) => ({ colour: 3, bits, channels: 1 })),
  ...[8, 16].map((bits) => ({ colour: 4, bits, channels: 2 })),
  ...[8, 16].map((bits) => ({ colour: 6, bits, channels: 4 })),
];

/** A PNG with another filter in each row, written as the specification says. */
function pngOf(of: {
  width: number;
  height: number;
  bits: number;
  colour: number;
  rowBytes: number;
  stride: number;
  raw: Uint8Array;
  palette: Uint8Array | undefined;
}): Uint8Array {
  const { width, height, bits, colour, rowBytes, stride, raw, palette } = of;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([bits, colour, 0, 0, 0], 8);
  const rows: number[] = [];
  for (let row = 0; row < raw.length / rowBytes; row += 1) {
    rows.push(row % 5);
    for (let at = 0; at < rowBytes; at += 1) {
      const place = row * rowBytes + at;
      const a = at >= stride ? raw[place - stride]! : 0;
      const b = row > 0 ? raw[place - rowBytes]! : 0;
      const c = row > 0 && at >= stride ? raw[place - rowBytes - stride]! : 0;
      const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      rows.push((raw[place]! - [0, a, b, Math.floor((a + b) / 2), paeth][row % 5]! + 256) % 256);
    }
  }
  const chunk = (name: string, data: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(name, 'latin1'), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  return Buffer.concat([
    Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10),
    chunk('IHDR', head),
    ...(palette ? [chunk('PLTE', palette)] : []),
    chunk('IDAT', deflateSync(Uint8Array.from(rows))),
    chunk('IEND', new Uint8Array(0)),
  ]);
}
