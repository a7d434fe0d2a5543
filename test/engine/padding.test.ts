import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import type { Follower, InferRequest } from '../../src/engine/inference.ts';
import { Owned } from '../../src/engine/owned.ts';
import { batchingFacts } from '../../src/engine/registry/manifest.ts';
import type { Tensor } from '../../src/engine/tensor.ts';
import { ServiceError } from '../../src/errors.ts';
import { EngineMetrics } from '../../src/observe/engine-metrics.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { grid, identity, maskedMean, overTime } from '../../testkit/models/models.ts';
import { fp32, numbersOf, type Served, serveModels, whole } from './serve-models.ts';

const rule = (more: Record<string, unknown> = {}) => ({ dimensions: ['length'], ...more });
const padded = (more?: Record<string, unknown>, batching: Record<string, unknown> = {}) => ({
  batching: { rows_max: 8, ...batching, padding: rule(more) },
});
const mask = 'mask';
const models = {
  masked: { onnx: maskedMean(), manifest: padded({ mask }) },
  in_process: { onnx: maskedMean({ mask: 'BOOL' }), manifest: { ...padded({ mask }), lanes: { kind: 'process' } } },
  sends_mask: { onnx: maskedMean({ mask: 'INT64' }), manifest: padded() },
  half_mask: { onnx: maskedMean({ mask: 'FP16' }), manifest: padded({ mask }) },
  sparing: { onnx: maskedMean(), manifest: padded({ mask, waste_max: 0.25 }) },
  few_bytes: { onnx: identity('FP32'), manifest: padded({ waste_max: 0.9 }, { bytes_max: 100 }) },
  split: { onnx: maskedMean(), manifest: padded({ mask }, { rows_max: 3, split: true }) },
  texts: { onnx: identity('BYTES'), manifest: padded({ values: { x: '-' } }) },
  grid: {
    onnx: grid('INT64', { names: ['rows_out', 'columns_out'] }),
    manifest: {
      batching: {
        rows_max: 8,
        padding: {
          dimensions: ['height', 'width'],
          outputs: [
            { output: 'y', axis: 1, dimension: 'height' },
            { output: 'y', axis: 2, dimension: 'width' },
          ],
          waste_max: 0.95,
        },
      },
    },
  },
  changed: { onnx: overTime('ReduceMean'), manifest: padded() },
  largest: { onnx: overTime('ReduceMax'), manifest: padded() },
  largest_low: { onnx: overTime('ReduceMax'), manifest: padded({ values: { x: -3e38 }, waste_max: 0.9 }) },
  cut_wrong: {
    onnx: grid('INT64', { names: ['one', 'other'] }),
    manifest: {
      batching: {
        rows_max: 8,
        padding: {
          dimensions: ['height', 'width'],
          outputs: [
            { output: 'y', axis: 1, dimension: 'width' },
            { output: 'y', axis: 2, dimension: 'height' },
          ],
        },
      },
    },
  },
};

const pipeline = {
  inputs: [{ name: 'x', datatype: 'FP32', shape: ['rows', 'length'] }],
  steps: [{ name: 'mean', model: 'masked', inputs: { x: 'x' }, outputs: { mean: 'mean' } }],
  outputs: ['mean'],
};

const row = (...numbers: number[]) => fp32('x', [1, numbers.length], numbers);

describe('rows of different lengths', function () {
  this.timeout(120_000);
  let served: Served;
  before(async () => {
    // A busy machine must not decide what is proven.
    served = await serveModels({ ...models, pipeline: { manifest: pipeline } }, { rowProofMsMax: 100_000 });
  });
  after(() => served[Symbol.asyncDispose]());

  const factsOf = (model: string) => batchingFacts(served.registry.find(model).manifest).padding;
  /** All in one turn, so that they are there when the first batch is made. */
  const together = (model: string, rows: readonly (readonly Tensor[])[], more: Partial<InferRequest> = {}) =>
    Promise.all(rows.map((inputs) => served.infer(model, inputs, more)));

  for (const model of ['masked', 'in_process', 'half_mask', 'split'])
    it(`are answered by model ${model} as each would be alone`, async () => {
      const requests = fc.array(
        fc.record({ rows: fc.integer({ min: 1, max: 3 }), length: fc.integer({ min: 1, max: 40 }), seed: fc.nat(99) }),
        { minLength: 1, maxLength: 12 },
      );
      let sharedBatches = 0;
      await fc.assert(
        fc.asyncProperty(requests, async (asked) => {
          const answers = await together(model, asked.map(inputsOf));
          for (const [at, { outputs, batch }] of answers.entries()) {
            if (batch.paddingBytes > 0) sharedBatches += 1;
            expectMeans(asked[at]!, outputs);
          }
        }),
        { numRuns: 20 },
      );
      assert.ok(sharedBatches > 0, 'no batch was padded');
    });

  it('share one run, and the batch says how much of it was padding', async () => {
    const answers = await together('masked', [[row(1, 2, 3)], [row(4)], [row(5, 7)]]);
    for (const { batch } of answers) {
      assert.deepEqual([batch.id, batch.inputs, batch.rows, batch.closedBy], [answers[0]!.batch.id, 3, 3, 'idle']);
      // Three elements of nine, in x and in its mask.
      assert.deepEqual([batch.paddingShare, batch.paddingBytes], [1 / 3, 24]);
      assert.equal(batch.tookShortcut, false);
    }
    assert.deepEqual(
      answers.map(({ outputs }) => outputs.map(numbersOf)),
      [
        [[2], [-1, 0, 1]],
        [[4], [0]],
        [[6], [-1, 1]],
      ],
    );
  });

  it('are counted: bytes of padding by model, from zero on where the rule is followed', async () => {
    const meter = new Meter();
    const metrics = new EngineMetrics(meter);
    metrics.watch(served.registry);
    const counted = async () => {
      const found = (await meter.collect()).metrics.find(({ name }) => name === 'inference.padding');
      return new Map(found?.points.map(({ labels, value }) => [Object.values(labels)[0], value]));
    };
    const before = await counted();
    assert.deepEqual([before.get('masked'), before.get('texts'), before.get('changed')], [0, 0, undefined]);
    const [answer] = await together('masked', [[row(1, 2, 3)], [row(4)]]);
    metrics.batchEnded(answer!.batch, []);
    assert.equal((await counted()).get('masked'), 16);
  });

  it('of one length are joined as they are', async () => {
    const [first] = await together('masked', [[row(1, 2)], [row(3, 4)]]);
    assert.deepEqual([first!.batch.inputs, first!.batch.paddingBytes, first!.batch.paddingShare], [2, 0, 0]);
  });

  it('have the mask that their caller sends, or one that is made', async () => {
    const masked = (...own: number[]) => whole('INT64', 'mask', [1, own.length], own);
    const answers = await together('sends_mask', [
      [row(1, 2, 100), masked(1, 1, 0)],
      [row(4), masked(1)],
    ]);
    assert.deepEqual(
      [answers[0]!.batch.inputs, ...answers.map(({ outputs }) => numbersOf(outputs[0])[0])],
      [2, 1.5, 4],
    );
    const own = await served.infer('masked', [row(1, 2, 100), fp32('mask', [1, 3], [1, 1, 0])]);
    assert.deepEqual(numbersOf(own.outputs[0]), [1.5]);
    await assert.rejects(served.infer('sends_mask', [row(1)]), isFailure('invalid_input', /"mask" is missing/));
    const wrong = served.infer('masked', [row(1, 2, 3), fp32('mask', [1, 2], [1, 1])]);
    await assert.rejects(wrong, isFailure('invalid_input', /size 2 in dimension 1 \(length\)/));
  });

  it('of requests to a pipeline share the batch of its step, which need not wire the mask', async () => {
    const batches: unknown[] = [];
    const follower: Follower = {
      arrived: () => undefined,
      batchEnded: () => undefined,
      expiredInRun: () => undefined,
      stepsEnded: ([step]) => batches.push([step?.batch?.model, step?.batch?.inputs, step?.batch?.paddingBytes]),
    };
    const answers = await together('pipeline', [[row(1, 2, 3)], [row(4)]], { follower });
    assert.deepEqual(
      answers.map(({ outputs }) => numbersOf(outputs[0])),
      [[2], [4]],
    );
    assert.deepEqual(batches, Array(2).fill(['masked', 2, 16]));
  });

  it('of several dimensions and of texts are padded and cut likewise', async () => {
    const x = (height: number, width: number, from: number) =>
      whole(
        'INT64',
        'x',
        [1, height, width],
        Array.from({ length: height * width }, (_, at) => from + at),
      );
    const grids = [x(2, 3, 0), x(1, 5, 100), x(4, 1, 200)];
    const answers = await together(
      'grid',
      grids.map((tensor) => [tensor]),
    );
    assert.ok(answers[0]!.batch.paddingBytes > 0);
    for (const [at, { outputs }] of answers.entries()) {
      assert.deepEqual(outputs[0]!.shape, grids[at]!.shape);
      assert.deepEqual(numbersOf(outputs[0]), numbersOf(grids[at]!));
    }
    const texts = ['a', 'bcd', 'ef'].map((text): Tensor => {
      return { name: 'x', datatype: 'BYTES', shape: [1, text.length], data: [...text] };
    });
    const told = await together(
      'texts',
      texts.map((tensor) => [tensor]),
    );
    assert.deepEqual(
      told.map(({ outputs }) => numbersOf(outputs[0])),
      [['a'], ['b', 'c', 'd'], ['e', 'f']],
    );
    assert.deepEqual([told[0]!.batch.inputs, told[0]!.batch.paddingShare], [3, 1 / 3]);
  });

  it('that would pad a batch too much wait, and shorter ones behind them do not', async () => {
    const long = row(...new Array<number>(40).fill(1));
    const answers = await together('sparing', [[row(1, 2, 3)], [long], [row(1, 2)], [long], [row(4, 5, 6)]]);
    const of = answers.map(({ batch }) => batch);
    assert.deepEqual([of[0]!.id, of[2]!.id, of[4]!.id, of[3]!.id], [of[0]!.id, of[0]!.id, of[0]!.id, of[1]!.id]);
    assert.deepEqual([of[0]!.closedBy, of[0]!.inputs, of[1]!.inputs], ['padding', 3, 2]);
    assert.ok(of.every(({ paddingShare }) => paddingShare <= 0.25));
  });

  it('fill no batch beyond its bytes, padding included', async () => {
    const answers = await together('few_bytes', [[row(1)], [row(...new Array<number>(10).fill(2))], [row(3)]]);
    const [first, second, third] = answers.map(({ batch }) => batch);
    // Two rows of ten are 80 bytes, three are 120.
    assert.deepEqual([first!.id, first!.inputs, first!.closedBy, third!.inputs], [second!.id, 2, 'bytes', 1]);
  });

  it('are padded without the one whose caller left', async () => {
    const long = row(...new Array<number>(8).fill(1));
    const gone = { aborted: false };
    const asked = [
      served.infer('masked', [long], { signal: gone }),
      served.infer('masked', [row(1, 2, 3, 4, 5)]),
      served.infer('masked', [row(1, 3, 5, 7)]),
    ];
    gone.aborted = true;
    const [left, ...stay] = await Promise.allSettled(asked);
    assert.equal(left?.status === 'rejected' && (left.reason as ServiceError).code, 'caller_gone');
    for (const each of stay) {
      assert.ok(each.status === 'fulfilled');
      // Padded to five, not to the eight of the one that left.
      assert.deepEqual([each.value.batch.inputs, each.value.batch.paddingBytes], [2, 8]);
      assert.equal(each.value.outputs[1]!.shape[1], each === stay[0] ? 5 : 4);
    }
  });

  it('leave the memory of each request and answer to its own holder', async () => {
    // Beyond 16 KiB memory is released rather than collected.
    const lengths = [6000, 9000, 7000];
    const inputs = lengths.map((length, seed) => Owned.of([fp32('x', [1, length], numbers(length, seed))]));
    const buffers = inputs.map(({ tensors }) => bufferOf(tensors[0]!));
    const answers = await Promise.all(inputs.map((each) => served.infer('masked', each)));
    assert.equal(answers[0]!.batch.inputs, 3);
    assert.deepEqual(
      buffers.map(({ byteLength }) => byteLength),
      [0, 0, 0],
    );
    answers[1]!.owned?.release();
    for (const at of [0, 2]) {
      const { outputs, owned } = answers[at]!;
      assert.equal(outputs[1]!.shape[1], lengths[at]);
      assert.ok((outputs[1]!.data as Float32Array).some((number) => number !== 0));
      assert.ok(owned !== undefined);
      const answered = bufferOf(outputs[1]!);
      owned.release();
      assert.equal(answered.byteLength, 0);
    }
  });

  it('are not padded where padding changes an answer: index, configuration and log say so', async () => {
    for (const model of ['changed', 'largest', 'cut_wrong']) {
      const facts = factsOf(model);
      assert.equal(facts?.is_followed, false, model);
      const index = (await served.registry.index()).find(({ name }) => name === model);
      assert.deepEqual([index?.state, index?.reason], ['ready', `batching.padding is not followed: ${facts?.reason}`]);
    }
    assert.match(factsOf('changed')!.reason, /padded do not give what each gives alone: output y is/);
    assert.match(factsOf('cut_wrong')!.reason, /output y has the shape \[1,\d+,\d+\] for a row whose/);
    const answers = await together('changed', [[row(1, 2, 3)], [row(4)]]);
    assert.deepEqual(
      answers.map(({ outputs, batch }) => [numbersOf(outputs[0])[0], batch.inputs]),
      [
        [2, 1],
        [4, 1],
      ],
    );
  });

  it('are padded with the value that the manifest gives', async () => {
    assert.equal(factsOf('largest_low')?.is_followed, true);
    const answers = await together('largest_low', [[row(-1, -2, -3)], [row(-4)]]);
    assert.deepEqual(
      answers.map(({ outputs, batch }) => [numbersOf(outputs[0])[0], batch.inputs]),
      [
        [-1, 2],
        [-4, 2],
      ],
    );
  });

  it('of a rule that was tried need not be tried again', async () => {
    const folder = join(served.folder, '.data', 'row-proofs');
    for (const name of await readdir(folder)) {
      const proof = JSON.parse(await readFile(join(folder, name), 'utf8'));
      await writeFile(join(folder, name), JSON.stringify({ ...proof, reason: 'found in the folder' }));
    }
    await served.registry.load('masked');
    await served.registry.load('changed');
    assert.deepEqual(['masked', 'changed'].map(factsOf), [
      { dimensions: ['length'], is_followed: true, reason: 'found in the folder' },
      { dimensions: ['length'], is_followed: false, reason: 'found in the folder' },
    ]);
  });
});

function bufferOf({ data }: Tensor): ArrayBufferLike {
  return (data as Float32Array).buffer;
}

type Asked = { readonly rows: number; readonly length: number; readonly seed: number };

function numbers(length: number, seed: number): Float32Array {
  return Float32Array.from({ length }, (_, at) => Math.sin(seed * 7 + at * 1.3));
}

function inputsOf({ rows, length, seed }: Asked): Tensor[] {
  return [fp32('x', [rows, length], numbers(rows * length, seed))];
}

function expectMeans({ rows, length, seed }: Asked, [mean, centred]: readonly Tensor[]): void {
  assert.deepEqual(
    [mean!.shape, centred!.shape],
    [
      [rows, 1],
      [rows, length],
    ],
  );
  const x = numbers(rows * length, seed);
  for (let at = 0; at < rows; at += 1) {
    const own = x.subarray(at * length, (at + 1) * length);
    const expected = own.reduce((sum, value) => sum + value, 0) / length;
    assert.ok(Math.abs((mean!.data[at] as number) - expected) < 1e-5);
    for (const [place, value] of own.entries())
      assert.ok(Math.abs((centred!.data[at * length + place] as number) - (value - expected)) < 1e-5);
  }
}

function isFailure(code: string, says: RegExp) {
  return (error: unknown) => error instanceof ServiceError && error.code === code && says.test(error.message);
}
