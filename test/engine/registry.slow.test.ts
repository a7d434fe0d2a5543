import assert from 'node:assert/strict';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { tritonStatistics } from '../../src/engine/statistics.ts';
import { perceptron, slowInBatches, writeModel } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, serveModels } from './serve-models.ts';

/** Small and quick to load; another seed, other weights. */
const numbered = (seed: number) => perceptron({ widths: [4, 2], seed });
const x = fp32('x', [1, 4], [1, 2, 3, 4]);

describe('the registry', function () {
  this.timeout(120_000);

  it('serves what can be loaded and says of the rest why it cannot', async () => {
    await using served = await serveModels({
      good: { onnx: numbered(1) },
      no_onnx: { onnx: Buffer.from('this is no model at all') },
      bad_manifest: { onnx: numbered(1), manifest: { lanes: { count: 0 } } },
    });
    const states = Object.fromEntries(
      served.registry.models().map(({ name, state, reason }) => [name, { state, reason }]),
    );
    assert.deepEqual(states.good, { state: 'ready', reason: '' });
    assert.equal(states.no_onnx?.state, 'unavailable');
    assert.match(states.no_onnx.reason, /Cannot read .*no_onnx.* as an ONNX file/);
    assert.match(states.bad_manifest?.reason ?? '', /Cannot use .*model\.json: lanes\.count/);
    assert.throws(() => served.registry.find('no_onnx'), { code: 'model_not_ready', message: /Cannot read/ });
    await served.infer('good', [x]);
  });

  it('does not know what is not there, nor names that are paths', async () => {
    await using served = await serveModels({ good: { onnx: numbered(1) } });
    for (const name of ['nothing', '../good', 'good/1', '', '__proto__', 'a'.repeat(10_000)]) {
      assert.throws(() => served.registry.find(name), { code: 'model_not_found' });
      await assert.rejects(served.registry.load(name), { code: 'model_not_found' });
      await assert.rejects(served.registry.unload(name), { code: 'model_not_found' });
    }
    assert.throws(() => served.registry.find('good', '7'), { code: 'model_not_found' });
  });

  it('serves the versions that the policy names, the newest by default', async () => {
    await using served = await serveModels({ m: { onnx: numbered(1), manifest: { versions: { latest: 2 } } } });
    for (const version of ['2', '9', '10'])
      await writeModel(served.folder, 'm', numbered(Number(version)), { version });
    const { registry } = served;
    await registry.load('m');
    assert.deepEqual(registry.versions('m'), ['10', '9']);
    assert.equal(registry.find('m').version, '10');
    assert.equal(registry.find('m', '9').version, '9');
    assert.throws(() => registry.find('m', '1'), { code: 'model_not_ready' });
    await registry.load('m', { config: () => ({ versions: { only: ['2'] } }) });
    assert.deepEqual(registry.versions('m'), ['2']);
    await registry.load('m', { config: () => ({ versions: 'all' }) });
    assert.deepEqual(registry.versions('m'), ['10', '9', '2', '1']);
    await assert.rejects(
      registry.load('m', { config: () => ({ versions: { only: ['3'] } }) }),
      /names none of its versions/,
    );
    assert.equal(registry.find('m').version, '10');
  });

  it('loads only what it is told to when control is explicit', async () => {
    const models = { one: { onnx: numbered(1) }, two: { onnx: numbered(2) } };
    await using served = await serveModels(models, { modelControl: 'explicit', loadModels: 'two' });
    const { registry } = served;
    assert.deepEqual(
      registry.models().map(({ name, state, reason }) => [name, state, reason]),
      [
        ['one', 'unavailable', 'not loaded'],
        ['two', 'ready', ''],
      ],
    );
    await registry.load('one');
    await registry.unload('two');
    await served.infer('one', [x]);
    assert.throws(() => registry.find('two'), { code: 'model_not_ready', message: /unloaded/ });
    await writeModel(served.folder, 'three', numbered(3));
    assert.ok((await registry.index()).some(({ name, state }) => name === 'three' && state === 'unavailable'));
  });

  it('follows the folder: new models, new versions, new manifests, models that go', async () => {
    await using served = await serveModels(
      { first: { onnx: numbered(1) } },
      { modelControl: 'watch', modelsWatchMs: 50 },
    );
    const { registry, folder } = served;
    const stateOf = (name: string) => registry.models().find((each) => each.name === name && each.model)?.state;
    await writeModel(folder, 'second', numbered(2));
    await waitFor('the new model', () => stateOf('second') === 'ready');
    await writeModel(folder, 'first', numbered(3), { version: '2' });
    await waitFor('the new version', () => registry.versions('first')[0] === '2');
    await writeFile(join(folder, 'second', 'model.json'), '{"batching":{"rows_max":7}}');
    await waitFor('the new manifest', () => registry.find('second').manifest.batching.rows_max === 7);
    await rm(join(folder, 'second'), { recursive: true });
    await waitFor('the model to go', () => !registry.models().some(({ name }) => name === 'second'));
  });

  it('does not load a model that is still being written', async () => {
    await using served = await serveModels(
      { first: { onnx: numbered(1) } },
      { modelControl: 'watch', modelsWatchMs: 300 },
    );
    const bytes = perceptron({ widths: [64, 64] });
    const pieces = 60;
    const file = await writeModel(served.folder, 'copied', bytes.subarray(0, 0));
    const reasons = new Set<string>();
    for (let piece = 0; piece < pieces; piece += 1) {
      const [from, to] = [piece, piece + 1].map((part) => Math.floor((part * bytes.length) / pieces));
      await appendFile(file, bytes.subarray(from, to));
      await pause(20);
      for (const { name, reason } of served.registry.models()) if (name === 'copied') reasons.add(reason);
    }
    await waitFor('the whole model', () => served.registry.versions('copied').length === 1);
    assert.deepEqual(
      [...reasons].filter((reason) => reason.includes('Cannot')),
      [],
    );
  });

  it('loads anew without a failed request, and those under way are answered', async () => {
    await using served = await serveModels({ m: { onnx: slowInBatches(20) } });
    let going = true;
    let answered = 0;
    const clients = Array.from({ length: 8 }, async () => {
      while (going) {
        // The model is found first and asked later, as a request does whose body is still coming.
        const model = served.registry.find('m');
        await new Promise((resolve) => setImmediate(resolve));
        await model.infer({
          inputs: [x],
          priority: 0,
          deadlineAt: performance.now() + 60_000,
          signal: new AbortController().signal,
        });
        answered += 1;
      }
    });
    for (let reload = 0; reload < 5; reload += 1) {
      const before = served.registry.find('m');
      await served.registry.load('m');
      assert.notEqual(served.registry.find('m'), before);
    }
    going = false;
    await Promise.all(clients);
    assert.ok(answered > 20, `${answered} answers`);
  });

  it('passes those on to the new one who still hold the old', async () => {
    await using served = await serveModels({ m: { onnx: numbered(1) } });
    const old = served.registry.find('m');
    await writeModel(served.folder, 'm', numbered(2));
    await served.registry.load('m');
    const request = { inputs: [x], priority: 0, deadlineAt: performance.now() + 60_000 };
    const answer = await old.infer({ ...request, signal: new AbortController().signal });
    assert.deepEqual(answer.outputs, (await served.infer('m', [x])).outputs);
    assert.equal(old.statistics.inferenceCount, 0);
  });

  it('goes on serving what it has when the new file cannot be loaded', async () => {
    await using served = await serveModels({ m: { onnx: numbered(1) } });
    await writeModel(served.folder, 'm', Buffer.from('broken'));
    await assert.rejects(served.registry.load('m'), { code: 'invalid_model' });
    const [status] = served.registry.models();
    assert.equal(status?.state, 'ready');
    assert.match(status.reason, /the version on disk could not be loaded: Cannot read/);
    await served.infer('m', [x]);
  });

  it('keeps the old version when the new one cannot be loaded', async () => {
    await using served = await serveModels({ m: { onnx: numbered(1) } });
    await writeModel(served.folder, 'm', Buffer.from('broken'), { version: '2' });
    await assert.rejects(served.registry.load('m'), { code: 'invalid_model' });
    assert.deepEqual(served.registry.versions('m'), ['1']);
    assert.equal(served.registry.find('m').version, '1');
    assert.throws(() => served.registry.find('m', '2'), {
      code: 'model_not_ready',
      message: /2 is unavailable: Cannot read/,
    });
  });

  it('leaves a model alone that failed to load five times in a row, for a while', async () => {
    await using served = await serveModels({ m: { onnx: Buffer.from('broken') } }, { breakerOpenMs: 300 });
    for (let attempt = 2; attempt <= 5; attempt += 1) {
      await assert.rejects(served.registry.load('m'), { code: 'invalid_model' });
    }
    await assert.rejects(served.registry.load('m'), { code: 'circuit_open' });
    assert.deepEqual(served.registry.loadBreakers(), { m: 'open' });
    await writeModel(served.folder, 'm', numbered(1));
    await waitFor('the breaker to let one through', () => served.registry.load('m').then(() => true));
    assert.deepEqual(served.registry.loadBreakers(), { m: 'closed' });
    await served.infer('m', [x]);
  });

  it('answers those who wait before it unloads, and nobody after', async () => {
    await using served = await serveModels({
      m: { onnx: slowInBatches(300), manifest: { batching: { rows_max: 1 } } },
    });
    const model = served.registry.find('m');
    const answers = [1, 2, 3].map(() => served.infer('m', [x]));
    const unloaded = served.registry.unload('m');
    assert.equal((await Promise.all(answers)).length, 3);
    await unloaded;
    await assert.rejects(
      model.infer({ inputs: [x], priority: 0, deadlineAt: 1e12, signal: new AbortController().signal }),
      { code: 'model_not_ready', message: /has been unloaded/ },
    );
  });

  it('counts what a model did in Triton’s words', async () => {
    await using served = await serveModels({ m: { onnx: numbered(1) } });
    await Promise.all([1, 2, 3].map(() => served.infer('m', [x])));
    await served.infer('m', [fp32('x', [2, 4], new Float32Array(8))]);
    const expired = served.infer('m', [x], { deadlineAt: performance.now() - 1 });
    await assert.rejects(expired, { code: 'deadline_exceeded' });
    const told = tritonStatistics('m', '1', served.registry.find('m').statistics);
    assert.deepEqual([told.inference_count, told.execution_count], [5, 2]);
    assert.equal(told.inference_stats.success.count, 4);
    assert.equal(told.inference_stats.fail.count, 1);
    assert.deepEqual(
      told.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer.count]),
      [
        [2, 1],
        [3, 1],
      ],
    );
    assert.ok(told.inference_stats.compute_infer.ns > 0 && Number.isInteger(told.inference_stats.queue.ns));
  });
});
