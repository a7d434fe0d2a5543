import assert from 'node:assert/strict';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';
import { separateInChunks } from '../../src/tasks/separation/separate-in-chunks.ts';
import { Operators } from '../../tools/models/graphs/operators.ts';
import { runningMedian } from '../../tools/models/graphs/running-median.ts';
import { Graph } from '../../tools/models/onnx/write-onnx.ts';
import { referenceArray, sound } from './reference-sounds.ts';
import { session } from './session.ts';

/**
 * The context of the model's manifest, and shorter chunks than its: more borders in a short sound.
 */
const plan = { coreSamples: 172 * 512, contextSamples: 20 * 512, fadeSamples: 0, inFlightMax: 2 };

describe('harmonic/percussive separation', () => {
  let run: Awaited<ReturnType<typeof session>>;
  const separate = async (...channels: Float32Array[]) => {
    const length = channels[0]?.length ?? 0;
    const audio = new Float32Array(length * channels.length);
    for (const [at, channel] of channels.entries()) audio.set(channel, at * length);
    const answers = await run({ audio: { dims: [channels.length, length], data: audio } });
    return ['harmonic', 'percussive'].map((stem) => {
      const { data, dims } = answers[stem] as (typeof answers)[string];
      assert.deepEqual([...dims], [channels.length, length]);
      return channels.map((_, at) => data.slice(at * length, (at + 1) * length));
    });
  };

  before(async () => {
    run = await session('harmonic-percussive');
  });

  it('is what librosa’s hpss makes of a chord with clicks, within 100 dB', async () => {
    const stems = await separate(sound('chord-and-clicks'));
    assert.ok(agreementDb(referenceArray('harmonic'), stems[0]?.[0]) > 100);
    assert.ok(agreementDb(referenceArray('percussive'), stems[1]?.[0]) > 100);
  });

  it('makes stems that sum to the input, of any length, silence among them', async () => {
    const samples = sound('chord-and-clicks');
    for (const length of [1, 511, 512, 4097, 20_000]) {
      const input = samples.slice(8000, 8000 + length);
      const [harmonic, percussive] = await separate(input);
      assert.ok(largestDifference(input, add(harmonic?.[0], percussive?.[0])) < 1e-6, `${length} samples`);
    }
    const [harmonic] = await separate(new Float32Array(9000));
    assert.ok(harmonic?.[0]?.every((sample) => sample === 0));
  });

  it('separates every channel for itself', async () => {
    const samples = sound('chord-and-clicks').slice(0, 30_000);
    const other = samples.toReversed();
    const [together] = await separate(samples, other);
    const [alone] = await separate(other);
    assert.ok(agreementDb(alone?.[0] as Float32Array, together?.[1]) > 120);
  });

  it('gives the same in chunks as in one piece', async () => {
    const samples = sound('chord-and-clicks');
    const long = new Float32Array(samples.length * 5);
    for (let at = 0; at < 5; at += 1) long.set(at % 2 ? samples.toReversed() : samples, at * samples.length);
    const whole = await separate(long);
    const joined: [Float32Array[], Float32Array[]] = [[], []];
    const pieces = Array.from({ length: Math.ceil(long.length / 10_007) }, (_, at) => [
      long.slice(at * 10_007, (at + 1) * 10_007),
    ]);
    for await (const stems of separateInChunks(pieces, plan, (chunk) => separate(...chunk))) {
      stems.forEach((stem, at) => {
        joined[at]?.push(stem[0] as Float32Array);
      });
    }
    assert.ok((joined[0]?.length ?? 0) > 2, 'several chunks');
    joined.forEach((parts, stem) => {
      const samplesJoined = Float32Array.from(parts.flatMap((part) => [...part]));
      assert.ok(agreementDb(whole[stem]?.[0] as Float32Array, samplesJoined) > 100);
    });
  });
});

describe('the running median', () => {
  const random = new SeededRandom(1, 'median');

  for (const [axis, width, rows, columns] of [
    [0, 31, 40, 3],
    [1, 31, 2, 33],
    [0, 5, 2, 4],
    [1, 7, 3, 1],
    [1, 31, 1, 6],
  ] as const) {
    it(`of ${width} along axis ${axis} of ${rows} × ${columns} values is the middle of each sorted window`, async () => {
      const graph = new Graph('median');
      const ops = new Operators(graph);
      const input = graph.input('values', 'FP32', ['rows', 'columns']);
      ops.named('medians', 'Identity', [runningMedian(ops, input, axis, width)]);
      graph.output('medians', 'FP32', ['rows', 'columns']);
      const values = random.normals(rows * columns);
      const run = await session(graph);
      const { medians } = await run({ values: { dims: [rows, columns], data: values } });
      assert.deepEqual(medians?.data, medianBySorting(values, axis, width, rows, columns));
    });
  }
});

function medianBySorting(
  values: Float32Array,
  axis: number,
  width: number,
  rows: number,
  columns: number,
): Float32Array {
  const size = axis === 0 ? rows : columns;
  const mirrored = (at: number) => {
    const inPeriod = ((at % (2 * size)) + 2 * size) % (2 * size);
    return Math.min(inPeriod, 2 * size - 1 - inPeriod);
  };
  return values.map((_, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const window = Array.from({ length: width }, (_, n) => {
      const at = mirrored((axis === 0 ? row : column) + n - (width - 1) / 2);
      return values[axis === 0 ? at * columns + column : row * columns + at] as number;
    });
    return window.sort((a, b) => a - b)[(width - 1) / 2] as number;
  });
}

function agreementDb(wanted: Float32Array, given: Float32Array | undefined): number {
  assert.equal(given?.length, wanted.length);
  let power = 0;
  let error = 0;
  wanted.forEach((value, at) => {
    power += value ** 2;
    error += (value - (given[at] as number)) ** 2;
  });
  return 10 * Math.log10(power / error);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, at) => Math.max(most, Math.abs(value - (b[at] as number))), 0);
}

function add(a: Float32Array | undefined, b: Float32Array | undefined): Float32Array {
  return (a ?? new Float32Array()).map((value, at) => value + (b?.[at] as number));
}
