import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ServiceError } from '../../src/errors.ts';
import { gather, identity, perceptron, slowInBatches } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, numbersOf, type Served, serveModels, whole } from './serve-models.ts';

const row = (value: number, width = 4) => [fp32('x', [1, width], new Array(width).fill(value))];

describe('a model that remembers its answers', function () {
  this.timeout(60_000);
  let served: Served;
  const lanes = { shortcut: false };
  before(async () => {
    served = await serveModels({
      perceptron: { onnx: perceptron(), manifest: { cache: {} } },
      plain: { onnx: perceptron() },
      slow: { onnx: slowInBatches(100), manifest: { cache: {}, batching: { rows_max: 8 } } },
      shared: { onnx: identity('FP32'), manifest: { cache: { across_tenants: true } } },
      own: { onnx: identity('FP32'), manifest: { cache: {} } },
      small: { onnx: identity('FP32'), manifest: { cache: { bytes_max: 4096, input_bytes_max: 1024 } } },
      fails: { onnx: gather(), manifest: { cache: {}, lanes } },
      texts: { onnx: identity('BYTES'), manifest: { cache: {} } },
    });
  });
  after(() => served[Symbol.asyncDispose]());

  const statisticsOf = (model: string) => served.registry.find(model).statistics;

  it('answers what was asked before without a run, byte for byte', async () => {
    const first = await served.infer('own', row(7));
    const again = await served.infer('own', row(7));
    assert.deepEqual(again.outputs, first.outputs);
    assert.equal(again.batch, undefined);
    const { cacheHit, cacheMiss, success, executionCount } = statisticsOf('own');
    assert.deepEqual([cacheHit.count, cacheMiss.count, success.count, executionCount], [1, 1, 2, 1]);
  });

  it('takes inputs of other values, shapes or wanted outputs for other questions', async () => {
    const before = statisticsOf('texts').executionCount;
    const texts = (shape: number[], data: string[]) => [{ name: 'x', datatype: 'BYTES' as const, shape, data }];
    for (const inputs of [texts([1, 2], ['ab', 'c']), texts([1, 2], ['a', 'bc']), texts([2, 1], ['ab', 'c'])])
      assert.deepEqual((await served.infer('texts', inputs)).outputs[0]?.data, inputs[0]?.data);
    await served.infer('texts', texts([1, 2], ['ab', 'c']), { outputs: ['y'] });
    assert.equal(statisticsOf('texts').executionCount - before, 4);
  });

  it('answers any requests as a model does that remembers nothing', async () => {
    const ask = fc.record({ rows: fc.integer({ min: 1, max: 3 }), seed: fc.integer({ min: 1, max: 4 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(ask, { minLength: 1, maxLength: 20 }), async (asked) => {
        await Promise.all(
          asked.map(async ({ rows, seed }) => {
            const x = [
              fp32(
                'x',
                [rows, 64],
                Float32Array.from({ length: rows * 64 }, (_, at) => Math.sin(seed * at)),
              ),
            ];
            const [remembered, plain] = await Promise.all([served.infer('perceptron', x), served.infer('plain', x)]);
            assert.deepEqual(remembered.outputs[0]?.shape, plain.outputs[0]?.shape);
            const expected = numbersOf(plain.outputs[0]) as number[];
            for (const [at, value] of (numbersOf(remembered.outputs[0]) as number[]).entries())
              assert.ok(Math.abs(value - expected[at]!) < 1e-5);
          }),
        );
      }),
      { numRuns: 30 },
    );
    assert.ok(statisticsOf('perceptron').cacheHit.count > 0);
  });

  it('runs once for those who ask the same at once', async () => {
    const before = statisticsOf('slow').executionCount;
    const answers = await Promise.all(Array.from({ length: 12 }, () => served.infer('slow', row(3))));
    for (const { outputs } of answers) assert.deepEqual(numbersOf(outputs[0]), [3, 3, 3, 3]);
    assert.equal(statisticsOf('slow').executionCount - before, 1);
    for (const { stages } of answers) {
      const { enqueuedAt, queueMs, assembleMs, runMs, splitMs, answeredAt } = stages;
      const booked = queueMs + assembleMs + runMs + splitMs;
      assert.ok(Math.abs(booked - (answeredAt - enqueuedAt)) < 0.01, `${booked} of ${answeredAt - enqueuedAt} ms`);
    }
  });

  it('lets the next one lead when who led has left', async () => {
    const left = { aborted: false };
    const busy = served.infer('slow', row(50));
    const leader = served.infer('slow', row(51), { signal: left });
    const joined = served.infer('slow', row(51));
    left.aborted = true;
    await assert.rejects(leader, isFailure('caller_gone'));
    assert.deepEqual(numbersOf((await joined).outputs[0]), [51, 51, 51, 51]);
    await busy;
  });

  it('fails one that waited for another’s run for longer than it may, and no other', async () => {
    const leader = served.infer('slow', row(61));
    const joined = served.infer('slow', row(61), { deadlineAt: performance.now() + 5 });
    await assert.rejects(joined, isFailure('deadline_exceeded'));
    await leader;
  });

  it('remembers no failure: each that shared a failed run is run by itself', async () => {
    const wrong = [whole('INT64', 'index', [1, 1], [9])];
    const answers = await Promise.allSettled([1, 2, 3].map(() => served.infer('fails', wrong)));
    for (const answer of answers) {
      assert.equal(answer.status, 'rejected');
      assert.ok(isFailure('inference_failed')(answer.reason));
    }
    await assert.rejects(served.infer('fails', wrong), isFailure('inference_failed'));
    assert.equal(statisticsOf('fails').cacheHit.count, 2);
    assert.equal(served.registry.find('fails').cache?.count, 0);
  });

  it('gives no tenant the answer of another, unless the manifest says so', async () => {
    const ask = (model: string, tenant: string) => served.infer(model, row(11), { tenant });
    const outcomes = async (model: string) => {
      const before = statisticsOf(model).executionCount;
      for (const tenant of ['one', 'other', 'one']) await ask(model, tenant);
      return statisticsOf(model).executionCount - before;
    };
    assert.equal(await outcomes('own'), 2);
    assert.equal(await outcomes('shared'), 1);
  });

  it('holds no more bytes than it may: the least recently used make room', async () => {
    const ask = (value: number) => served.infer('small', row(value, 100));
    for (const value of [1, 2, 3, 1, 4, 5, 1]) await ask(value);
    const cache = served.registry.find('small').cache!;
    assert.ok(cache.bytes <= 4096 && cache.count === 4, `${cache.count} answers, ${cache.bytes} bytes`);
    const before = statisticsOf('small').executionCount;
    await ask(1);
    assert.equal(statisticsOf('small').executionCount, before);
    await ask(2);
    assert.equal(statisticsOf('small').executionCount, before + 1);
  });

  it('does not look up what is larger than the manifest says', async () => {
    const { cacheHit, cacheMiss, executionCount } = statisticsOf('small');
    const before = [cacheHit.count, cacheMiss.count];
    for (const _ of [1, 2]) await served.infer('small', row(1, 300));
    assert.deepEqual([cacheHit.count, cacheMiss.count], before);
    assert.equal(statisticsOf('small').executionCount, executionCount + 2);
  });

  it('remembers nothing from before a load', async () => {
    await served.infer('own', row(21));
    await served.registry.load('own');
    await waitFor('the new one', async () => served.registry.find('own').statistics.executionCount === 0, {
      deadlineMs: 10_000,
    });
    await served.infer('own', row(21));
    assert.equal(statisticsOf('own').cacheMiss.count, 1);
  });

  it('gives what it remembers to as many as ask, whoever has released what they had', async () => {
    const length = 20_000;
    await using large = await serveModels({ copy: { onnx: identity('FP32'), manifest: { cache: {}, lanes } } });
    const asked = () => large.infer('copy', [fp32('x', [1, length], new Array(length).fill(5))]);
    const first = await asked();
    first.owned?.release();
    for (const { outputs } of [await asked(), await asked()]) assert.equal(numbersOf(outputs[0])[length - 1], 5);
  });
});

function isFailure(code: string) {
  return (error: unknown) => error instanceof ServiceError && error.code === code;
}
