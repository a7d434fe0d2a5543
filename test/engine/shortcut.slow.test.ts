import assert from 'node:assert/strict';
import { readConfig } from '../../src/config.ts';
import type { Batch, Waiting } from '../../src/engine/batching/waiting-inputs.ts';
import { haveDataIndependentCost } from '../../src/engine/lanes/constant-cost-operators.ts';
import { Lane } from '../../src/engine/lanes/lane.ts';
import { Shortcut } from '../../src/engine/lanes/shortcut.ts';
import { makeProbe } from '../../src/engine/make-probe.ts';
import { Owned } from '../../src/engine/owned.ts';
import { completeManifest, parseManifest } from '../../src/engine/registry/complete-manifest.ts';
import type { Manifest } from '../../src/engine/registry/manifest.ts';
import { readOnnx } from '../../src/engine/registry/read-onnx.ts';
import { type DataType, dataTypes } from '../../src/engine/tensor.ts';
import { identity, perceptron, slow, slowInBatches, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { Graph, writeOnnx } from '../../tools/models/onnx/write-onnx.ts';
import { fp32, numbersOf, type Served, serveModels } from './serve-models.ts';

const row = (value: number) =>
  fp32(
    'x',
    [1, 64],
    Array.from({ length: 64 }, (_, at) => Math.sin(value * at)),
  );
/** So many rows of so many requests. */
function batchOf(rows: number, requests: number): Batch {
  const entry = { inputs: [row(1)] } as unknown as Waiting;
  return { entries: Array(requests).fill(entry), rows, closedBy: 'idle', runsApart: false };
}
/** What else the machine does meanwhile is not what is tested. */
const generous = { shortcutUsMax: 100_000 };

describe('a shortcut', function () {
  this.timeout(60_000);
  let served: Served;
  before(async () => {
    served = await serveModels(
      {
        small: { onnx: perceptron() },
        small_in_lane: { onnx: perceptron(), manifest: { lanes: { shortcut: false } } },
        one_shape: { onnx: fixedShape(), manifest: { batching: { rows_max: 0 } } },
        process: { onnx: perceptron(), manifest: { lanes: { kind: 'process' } } },
        more_threads: { onnx: perceptron(), manifest: { session: { intra_op_threads: 2 } } },
        cold: { onnx: perceptron(), manifest: { warm_up_runs: 0 } },
        any_length: { onnx: identity('FP32') },
        texts: { onnx: identityOfRows('BYTES') },
        by_value: { onnx: byValue() },
        loop: { onnx: slowInBatches(1) },
        caller_says: { onnx: slow() },
        large: { onnx: perceptron({ widths: [64, 4096, 1024, 10] }) },
      },
      generous,
    );
  });
  after(() => served[Symbol.asyncDispose]());

  it('is had by small models whose runs take as long as their shapes say, and by no other', () => {
    const names = served.registry.models().map(({ name }) => name);
    const having = names.filter((name) => served.registry.find(name).hasShortcut);
    assert.deepEqual(having.sort(), ['any_length', 'one_shape', 'small']);
  });

  it('is nobody’s when the setting says so', async () => {
    await using other = await serveModels({ small: { onnx: perceptron() } }, { shortcutUsMax: 0 });
    assert.equal(other.registry.find('small').hasShortcut, false);
    assert.match((await other.infer('small', [row(1)])).batch.lane, /^thread-/);
  });

  it('gives the answers of a lane, and says where they come from and how long it took', async () => {
    const near = await Promise.all([1, 2, 3].map((value) => served.infer('small', [row(value)])));
    const far = await Promise.all([1, 2, 3].map((value) => served.infer('small_in_lane', [row(value)])));
    for (const [index, { batch, outputs, stages }] of near.entries()) {
      assert.deepEqual([batch.lane, batch.rows, batch.provider, batch.outcome], ['event-loop', 3, 'cpu', 'ran']);
      assert.match(far[index]!.batch.lane, /^thread-/);
      const expected = numbersOf(far[index]?.outputs[0]) as number[];
      for (const [at, number] of (numbersOf(outputs[0]) as number[]).entries()) {
        assert.ok(Math.abs(number - expected[at]!) < 1e-4, `${number} instead of ${expected[at]}`);
      }
      assert.ok(batch.sessionMs > 0 && batch.cpuMs > 0 && stages.runMs >= batch.sessionMs);
    }
  });

  it('carries every datatype that a lane does', async () => {
    const datatypes = (Object.keys(dataTypes) as DataType[]).filter((datatype) => datatype !== 'BYTES');
    await using other = await serveModels(
      Object.fromEntries(datatypes.map((datatype) => [datatype.toLowerCase(), { onnx: identityOfRows(datatype) }])),
      generous,
    );
    for (const datatype of datatypes) {
      const { manifest } = other.registry.find(datatype.toLowerCase());
      const inputs = makeProbe(manifest, 7);
      const { batch, outputs } = await other.infer(datatype.toLowerCase(), inputs);
      assert.deepEqual([batch.lane, outputs[0]?.datatype], ['event-loop', datatype]);
      assert.deepEqual(numbersOf(outputs[0]), numbersOf(inputs[0]));
    }
    assert.equal(typeof Float16Array, 'function');
  });

  it('frees large inputs that were given away, and leaves those that were not', async () => {
    const many = () => fp32('x', [64, 128], new Float32Array(64 * 128).fill(0.5));
    const [taken, kept] = [many(), many()];
    const { batch } = await served.infer('one_shape', Owned.of([taken]));
    await served.infer('one_shape', [kept]);
    assert.equal(batch.lane, 'event-loop');
    assert.throws(() => taken.data, /is read after its release/);
    assert.equal(kept.data.length, 64 * 128);
  });

  it('is taken or not by how long such runs took, and is taken again when they are short again', async () => {
    await using opened = await openPerceptron();
    const { shortcut } = opened;
    assert.ok(shortcut.fits(batchOf(1, 1)));
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 20, true);
    assert.equal(shortcut.fits(batchOf(1, 1)), false);
    assert.ok(shortcut.fits(batchOf(2, 2)), 'those of two rows had nothing to do with it');
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 0.01, true);
    assert.ok(shortcut.fits(batchOf(1, 1)));
    shortcut.took([{ inputs: [row(1)] }], 1, 1000, true);
    assert.ok(shortcut.fits(batchOf(1, 1)), 'a single one that was held up decides nothing');
  });

  it('is not given up for long runs in lanes, which others hold up, and is taken again for short ones', async () => {
    await using opened = await openPerceptron();
    const { shortcut } = opened;
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 20, false);
    assert.ok(shortcut.fits(batchOf(1, 1)));
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 20, true);
    assert.equal(shortcut.fits(batchOf(1, 1)), false);
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 0.01, false);
    assert.ok(shortcut.fits(batchOf(1, 1)));
  });

  it('takes requests that run alone by the turn, as long as that is sooner than a message with all of them', async () => {
    await using opened = await openPerceptron();
    const { shortcut } = opened;
    const apart = {
      entries: [1, 2, 3, 4].map(() => ({ inputs: [row(1)], rows: 1 }) as unknown as Waiting),
      rows: 4,
      closedBy: 'alone',
      runsApart: true,
    } as const;
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 0.05, true);
    assert.ok(shortcut.fits({ ...apart, entries: [...apart.entries] }));
    assert.ok(shortcut.apartMax(16) > 100, 'a turn may take 100 ms here, with 0.05 ms each');
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 1, 0.08, true);
    assert.ok(shortcut.fits({ ...apart, entries: [...apart.entries] }));
    assert.ok(shortcut.apartMax(4) > 100, 'few are sooner here than a message is there and back');
    assert.equal(shortcut.apartMax(16), 0);
  });

  it('may take longer for the rows of many requests than for those of one, up to its limit', async () => {
    await using opened = await openPerceptron();
    const { shortcut } = opened;
    for (let time = 0; time < 100; time += 1) shortcut.took([{ inputs: [row(1)] }], 32, 0.4, true);
    assert.equal(shortcut.fits(batchOf(32, 1)), false);
    assert.ok(shortcut.fits(batchOf(32, 32)));
    for (let time = 0; time < 200; time += 1) shortcut.took([{ inputs: [row(1)] }], 32, 110, true);
    assert.equal(shortcut.fits(batchOf(32, 65_536)), false, 'longer than 100 ms');
    assert.equal(shortcut.fits(batchOf(65, 65)), false, 'more rows than a batch has');
  });

  it('is for no operator that is not known, or of somebody else’s', () => {
    assert.ok(haveDataIndependentCost(['Gemm', 'Relu', 'ai.onnx.ml.Scaler']));
    for (const name of ['Loop', 'Expand', 'Range', 'com.microsoft.BeamSearch', 'com.microsoft.Gemm', 'New']) {
      assert.equal(haveDataIndependentCost(['Gemm', name]), false, name);
    }
  });
});

async function openPerceptron(): Promise<AsyncDisposable & { shortcut: Shortcut }> {
  await using disposables = new AsyncDisposableStack();
  const folder = disposables.use(await temporaryFolder());
  const file = await writeModel(folder.path, 'small', perceptron());
  const manifest: Manifest = completeManifest(parseManifest({}, 'nothing'), await readOnnx(file), {
    name: 'small',
    version: '1',
    sizeLimits: readConfig({}),
  });
  const request = {
    file,
    providers: ['cpu'] as const,
    intraOpThreads: 1,
    interOpThreads: 1,
    optimization: 'all' as const,
    arena: true,
    memoryPattern: true,
    extra: {},
    tolerance: manifest.provider_tolerance,
    probe: makeProbe(manifest, 1),
    rowTrial: undefined,
    warmUpRuns: 1,
  };
  const lane = await Lane.open('thread', request, {
    openMsMax: 30_000,
    onEnd: () => undefined,
    onAbandoned: () => undefined,
  });
  disposables.defer(() => lane.close());
  const shortcut = await Shortcut.open(manifest, request, lane.report, 100);
  assert.ok(shortcut);
  disposables.defer(() => shortcut.close());
  const kept = disposables.move();
  return { shortcut, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** y = x, rows of four. */
function identityOfRows(datatype: DataType): Uint8Array {
  const graph = new Graph('identity_of_rows');
  graph.input('x', datatype, ['batch', 4]);
  graph.node('Identity', ['x'], { name: 'copy', outputs: ['y'] });
  graph.output('y', datatype, ['batch', 4]);
  return writeOnnx(graph);
}

function fixedShape(): Uint8Array {
  const graph = new Graph('fixed_shape');
  graph.input('x', 'FP32', [64, 128]);
  graph.node('Relu', ['x'], { name: 'y' });
  graph.output('y', 'FP32', [64, 128]);
  return writeOnnx(graph);
}

/** y has as many columns as the caller says. */
function byValue(): Uint8Array {
  const graph = new Graph('by_value');
  graph.input('columns', 'INT64', [1]);
  const value = graph.constant('one', 'FP32', [1], [1]);
  graph.node('Expand', [value, 'columns'], { name: 'y' });
  graph.output('y', 'FP32', ['columns']);
  return writeOnnx(graph);
}
