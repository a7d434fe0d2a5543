import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Owned } from '../../src/engine/owned.ts';
import { type DataType, dataTypes, type Tensor } from '../../src/engine/tensor.ts';
import { gather, identity, mixesRows, perceptron, slowInBatches, sumAndProduct } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, numbersOf, type Served, serveModels, whole } from './serve-models.ts';

/** Holds the model's only lane for a while, so that what comes meanwhile has to wait. */
const row = (value: number) => [fp32('x', [1, 4], [value, value, value, value])];

describe('batches', function () {
  this.timeout(60_000);
  let served: Served;
  // With rows_max: its trial at load, of runs of a second, may be given up on a busy machine.
  const busy = { onnx: slowInBatches(1000), manifest: { batching: { rows_max: 8 } } };
  before(async () => {
    served = await serveModels({
      perceptron: { onnx: perceptron() },
      in_lanes: { onnx: perceptron(), manifest: { lanes: { shortcut: false } } },
      alone: { onnx: perceptron(), manifest: { batching: { rows_max: 0 }, lanes: { shortcut: false } } },
      lengths: { onnx: sumAndProduct(), manifest: { lanes: { shortcut: false } } },
      gather: { onnx: gather() },
      gather_in_lane: { onnx: gather(), manifest: { lanes: { shortcut: false } } },
      gather_apart: { onnx: gather(), manifest: { batching: { rows_max: 0 }, lanes: { shortcut: false } } },
      mixes: { onnx: mixesRows() },
      busy,
      small_queue: { ...busy, manifest: { batching: { rows_max: 1 }, queue: { inputs_max: 2 } } },
      four_rows: { onnx: perceptron({ widths: [4, 3] }), manifest: { batching: { rows_max: 4, split: true } } },
      delayed: {
        onnx: perceptron({ widths: [4, 3] }),
        manifest: { batching: { rows_max: 8, delay_us_max: 300_000 } },
      },
      copies: { onnx: identity('FP32'), manifest: { batching: { rows_max: 2, delay_us_max: 300_000 } } },
      may_repeat: { onnx: identity('FP32'), manifest: { retry_safe: true, lanes: { shortcut: false } } },
      one_at_a_time: { ...busy, manifest: { batching: { rows_max: 1 }, queue: { ageing_ms: 60_000 } } },
    });
  });
  after(() => served[Symbol.asyncDispose]());

  it('give every request exactly what it would have had alone, whatever comes when', async () => {
    const arrival = fc.record({
      rows: fc.integer({ min: 1, max: 5 }),
      length: fc.integer({ min: 1, max: 3 }),
      turns: fc.integer({ min: 0, max: 3 }),
      priority: fc.integer({ min: 0, max: 10 }),
      seed: fc.integer({ min: 1, max: 1000 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(arrival, { minLength: 1, maxLength: 40 }), async (arrivals) => {
        await Promise.all(
          arrivals.map(async ({ rows, length, turns, priority, seed }) => {
            for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
            const x = fp32(
              'x',
              [rows, 64],
              Float32Array.from({ length: rows * 64 }, (_, at) => Math.sin(seed * at)),
            );
            const [small, together, alone] = await Promise.all([
              served.infer('perceptron', [x], { priority }),
              served.infer('in_lanes', [x], { priority }),
              served.infer('alone', [x]),
            ]);
            for (const { outputs } of [small, together]) {
              assert.deepEqual(outputs[0]?.shape, [rows, 10]);
              assertClose(outputs[0], alone.outputs[0]);
            }

            const size = rows * length;
            const a = fp32(
              'a',
              [rows, length],
              Array.from({ length: size }, (_, at) => seed + at),
            );
            const b = fp32(
              'b',
              [rows, length],
              Array.from({ length: size }, (_, at) => at + 1),
            );
            const { outputs } = await served.infer('lengths', [a, b], { priority });
            assert.deepEqual(outputs, [
              fp32(
                'sum',
                [rows, length],
                Array.from({ length: size }, (_, at) => seed + 2 * at + 1),
              ),
              fp32(
                'product',
                [rows, length],
                Array.from({ length: size }, (_, at) => (seed + at) * (at + 1)),
              ),
            ]);
          }),
        );
      }),
      { numRuns: 30 },
    );
    for (const name of ['perceptron', 'in_lanes']) {
      const { inferenceCount, executionCount } = served.registry.find(name).statistics;
      assert.ok(
        inferenceCount > 2 * executionCount,
        `${inferenceCount} rows in ${executionCount} runs: hardly a batch`,
      );
    }
  });

  it('form while the lane is busy, and close when nobody else waits', async () => {
    const first = served.infer('busy', row(0));
    await laneTaken('busy');
    const others = await Promise.all([1, 2, 3].map((value) => served.infer('busy', row(value))));
    const alone = await first;
    assert.deepEqual([alone.batch.inputs, alone.batch.closedBy], [1, 'idle']);
    for (const [index, { batch, outputs, stages }] of others.entries()) {
      assert.deepEqual([batch.inputs, batch.rows, batch.id], [3, 3, others[0]!.batch.id]);
      assert.deepEqual(numbersOf(outputs[0]), numbersOf(row(index + 1)[0]));
      assert.ok(stages.queueMs > 0 && stages.runMs >= batch.sessionMs);
    }
  });

  it('wait for company only when the manifest says so', async () => {
    const { batch, stages } = await served.infer('delayed', row(1));
    assert.deepEqual([batch.closedBy, batch.inputs], ['delay', 1]);
    assert.ok(stages.queueMs >= 290, `waited ${stages.queueMs} ms of 300`);
  });

  it('keep the outputs that each request asked for, in its order', async () => {
    const inputs = [fp32('a', [1, 1], [2]), fp32('b', [1, 1], [5])];
    const [both, product, turned] = await Promise.all([
      served.infer('lengths', inputs),
      served.infer('lengths', inputs, { outputs: ['product'] }),
      served.infer('lengths', inputs, { outputs: ['product', 'sum'] }),
    ]);
    assert.equal(both.batch.id, product.batch.id);
    const told = ({ outputs }: typeof both) => outputs.map(({ name, data }) => [name, data[0]]);
    assert.deepEqual(told(both), [['sum', 7], ['product', 10]]); // biome-ignore format: a table
    assert.deepEqual(told(product), [['product', 10]]);
    assert.deepEqual(told(turned), [['product', 10], ['sum', 7]]); // biome-ignore format: a table
  });

  it('lose only the row that cannot be run, not its neighbours', async () => {
    for (const [model, where] of [
      // A loaded machine is slower than its lane.
      ['gather', '(event-loop|thread-\\d+)'],
      ['gather_in_lane', 'thread-\\d+'],
    ] as const) {
      const outcomes = await Promise.allSettled(
        [0, 99, 3].map((index) => served.infer(model, [whole('INT64', 'index', [1, 1], [index])])),
      );
      const [good, bad, alsoGood] = outcomes;
      assert.ok(good?.status === 'fulfilled' && alsoGood?.status === 'fulfilled' && bad?.status === 'rejected');
      assert.deepEqual([good, alsoGood].map(({ value }) => value.outputs[0]?.data[0]), [10, 13]); // biome-ignore format: short
      assert.equal(bad.reason.code, 'inference_failed');
      assert.match(bad.reason.message, new RegExp(`^Cannot run model ${model} on ${where}: .*pick`));
    }
  });

  it('are not formed where rows together do not give what each gives alone', async () => {
    assert.equal(served.registry.find('mixes').manifest.batching.rows_max, 0);
    const answers = await Promise.all([1, 2, 3].map((value) => served.infer('mixes', row(value))));
    assert.deepEqual(
      answers.map(({ batch, outputs }) => [batch.closedBy, outputs[0]?.data[0]]),
      [
        ['alone', 2],
        ['alone', 4],
        ['alone', 6],
      ],
    );
  });

  it('take a request of many rows in parts when the manifest allows it', async () => {
    const x = fp32(
      'x',
      [10, 4],
      Array.from({ length: 40 }, (_, at) => at / 40),
    );
    const { outputs } = await served.infer('four_rows', [x]);
    assert.deepEqual(outputs[0]?.shape, [10, 3]);
    for (let index = 0; index < 10; index += 1) {
      const one = fp32('x', [1, 4], (x.data as Float32Array).subarray(index * 4, index * 4 + 4));
      const expected = await served.infer('four_rows', [one]);
      assertClose(
        { ...outputs[0]!, data: (outputs[0]!.data as Float32Array).subarray(index * 3, index * 3 + 3) },
        expected.outputs[0],
      );
    }
  });

  it('carry every datatype to the bit', async () => {
    const elements: Record<DataType, Tensor['data']> = {
      BOOL: Uint8Array.of(0, 1),
      UINT8: Uint8Array.of(0, 255),
      UINT16: Uint16Array.of(0, 65_535),
      UINT32: Uint32Array.of(0, 2 ** 32 - 1),
      UINT64: BigUint64Array.of(0n, 2n ** 64n - 1n),
      INT8: Int8Array.of(-128, 127),
      INT16: Int16Array.of(-32_768, 32_767),
      INT32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
      INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n),
      FP16: Uint16Array.of(0x3c00, 0xfbff),
      FP32: Float32Array.of(Number.NaN, -0),
      FP64: Float64Array.of(Number.POSITIVE_INFINITY, 5e-324),
      BYTES: ['', 'Grüße, 世界'],
    };
    const models = Object.keys(dataTypes).map((name) => [name, { onnx: identity(name as DataType) }] as const);
    for (const kind of ['thread', 'process']) {
      const manifest = { lanes: { kind }, batching: { rows_max: 2, delay_us_max: 300_000 } };
      await using all = await serveModels(
        Object.fromEntries(models.map(([name, { onnx }]) => [name, { onnx, manifest }])),
      );
      for (const [name] of models) {
        const datatype = name as DataType;
        const x: Tensor = { name: 'x', datatype, shape: [1, 2], data: elements[datatype] };
        const answers = await Promise.all([all.infer(name, [x]), all.infer(name, [x])]);
        for (const { outputs, batch } of answers) {
          assert.deepEqual(outputs, [{ ...x, name: 'y' }]);
          assert.equal(batch.inputs, 2);
        }
      }
    }
  });

  it('refuse more than may wait, and say when to come again', async () => {
    const running = served.infer('small_queue', row(0));
    await laneTaken('small_queue');
    const waiting = [served.infer('small_queue', row(1)), served.infer('small_queue', row(2))];
    await assert.rejects(served.infer('small_queue', row(3)), (error: Error & { retryAfterMs?: number }) => {
      assert.match(error.message, /2 inputs \(32 bytes\) wait for model small_queue; .*queue\.inputs_max/);
      return (error.retryAfterMs ?? 0) > 0;
    });
    await Promise.all([running, ...waiting]);
    assert.equal(served.registry.find('small_queue').statistics.dropped.refused, 1);
  });

  it('answer at the deadline, not when the lane is free', async () => {
    const running = served.infer('one_at_a_time', row(0));
    await laneTaken('one_at_a_time');
    const late = served.infer('one_at_a_time', row(1), { deadlineAt: performance.now() + 20 });
    const first = await Promise.race([running.then(() => 'the run'), late.catch((error) => error.code)]);
    assert.equal(first, 'deadline_exceeded');
    await running;
    await assert.rejects(served.infer('one_at_a_time', row(1), { deadlineAt: performance.now() - 1 }), {
      code: 'deadline_exceeded',
    });
    const { dropped, executionCount } = served.registry.find('one_at_a_time').statistics;
    assert.deepEqual([dropped.expired, executionCount], [2, 1]);
  });

  it('drop those whose caller has gone, and count them', async () => {
    const before = served.registry.find('busy').statistics;
    const rowsBefore = before.inferenceCount;
    const running = served.infer('busy', row(0));
    await laneTaken('busy');
    const caller = new AbortController();
    const gone = assert.rejects(served.infer('busy', row(1), { signal: caller.signal }), { code: 'caller_gone' });
    const stays = served.infer('busy', row(2));
    caller.abort();
    await Promise.all([running, gone, stays]);
    assert.equal((await stays).batch.inputs, 1);
    assert.deepEqual([before.dropped.gone, before.inferenceCount - rowsBefore], [1, 2]);
  });

  it('take the more urgent first', async () => {
    const done: string[] = [];
    const note = (name: string) => () => done.push(name);
    const running = served.infer('one_at_a_time', row(0));
    await laneTaken('one_at_a_time');
    await Promise.all([
      running,
      served.infer('one_at_a_time', row(1), { priority: 9 }).then(note('idle')),
      served.infer('one_at_a_time', row(2)).then(note('usual')),
      served.infer('one_at_a_time', row(3), { priority: 1 }).then(note('urgent')),
    ]);
    assert.deepEqual(done, ['urgent', 'usual', 'idle']);
  });

  it('of requests that cannot share a run go to a lane in one message, each with a run, an answer and a failure of its own', async () => {
    // On a busy machine runs take longer by the clock, and long ones go one by one.
    await waitFor('one message', async () => {
      const indices = [0, 1, 9, 2];
      const ended = await Promise.allSettled(
        indices.map((index) => served.infer('gather_apart', [whole('INT64', 'index', [1, 1], [index])])),
      );
      assert.deepEqual(
        ended.map((one) => (one.status === 'fulfilled' ? numbersOf(one.value.outputs[0])[0] : one.reason.code)),
        [10, 11, 'inference_failed', 12],
      );
      const batches = ended.flatMap((one) => (one.status === 'fulfilled' ? [one.value.batch] : []));
      assert.deepEqual(
        batches.map(({ inputs, rows, closedBy }) => [inputs, rows, closedBy]),
        batches.map(() => [1, 1, 'alone']),
      );
      assert.equal(new Set(batches.map(({ id }) => id)).size, 3);
      return new Set(batches.map(({ startedAt }) => startedAt)).size === 1;
    });
  });

  it('leave a request’s buffers alone, unless they are given away', async () => {
    const kept = fp32('x', [1, 64], new Float32Array(64));
    await served.infer('alone', [kept]);
    assert.equal(kept.data.length, 64);
    const body = Float32Array.from([9, 9, 1, 2, 3, 4]);
    const [a, b] = [body.subarray(2, 4), body.subarray(4, 6)];
    const given = [a, b].map((data, index): Tensor => ({ name: 'ab'[index]!, datatype: 'FP32', shape: [1, 2], data }));
    const { outputs } = await served.infer('lengths', Owned.of(given));
    assert.deepEqual(numbersOf(outputs[0]), [4, 6]);
    assert.equal(body.length, 0);
  });

  it('free large buffers that were given away when they were run, though a run that may be repeated copies them', async () => {
    const given = fp32('x', [1, 5000], new Float32Array(5000).fill(3));
    const { outputs } = await served.infer('may_repeat', Owned.of([given]));
    assert.throws(() => given.data, /^Error: The data of x is read after its release$/);
    assert.deepEqual(numbersOf(outputs[0]), Array(5000).fill(3));
    const kept = fp32('x', [1, 5000], new Float32Array(5000));
    await served.infer('may_repeat', [kept]);
    assert.equal(kept.data.length, 5000);
  });

  it('free large outputs when everyone in the batch has let go of them, and not before', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map((value) => served.infer('copies', [fp32('x', [1, 5000], new Float32Array(5000).fill(value))])),
    );
    assert.ok(first && second);
    assert.equal(first.batch.inputs, 2);
    const memory = (second.outputs[0]!.data as Float32Array).buffer;
    first.owned?.release();
    assert.deepEqual(numbersOf(second.outputs[0]), Array(5000).fill(2));
    second.owned?.release();
    assert.equal(memory.byteLength, 0);
    for (const { outputs } of [first, second]) assert.throws(() => outputs[0]?.data, /is read after its release/);
  });

  it('copy from the pool that Node cuts small buffers from, which cannot be given away', async () => {
    const pooled = Buffer.allocUnsafe(256).fill(0);
    const data = new Float32Array(pooled.buffer, pooled.byteOffset, 64);
    await served.infer('alone', Owned.of([{ name: 'x', datatype: 'FP32', shape: [1, 64], data }]));
    assert.equal(pooled.length, 256);
  });

  it('fail those whose inputs cannot be handed over, and the lane goes on', async () => {
    const x = fp32('x', [1, 64], new Float32Array(64));
    const [given, other] = [
      served.infer('alone', Owned.of([x])),
      served.infer('alone', [fp32('x', [1, 64], Array(64).fill(1))]),
    ];
    structuredClone(x.data, { transfer: [(x.data as Float32Array).buffer as ArrayBuffer] });
    await assert.rejects(given, { code: 'inference_failed', message: /^Cannot hand the inputs to model alone: / });
    assert.equal((await other).outputs.length, 1);
    await served.infer('alone', [fp32('x', [1, 64], new Float32Array(64))]);
  });

  function laneTaken(model: string): Promise<boolean> {
    return waitFor('the lane to be taken', () => served.registry.find(model).queue.running === 1, { everyMs: 1 });
  }
});

/** The same to six digits: a product of matrices adds up in another order when it has more rows. */
function assertClose(found: Tensor | undefined, expected: Tensor | undefined): void {
  assert.ok(found && expected && found.data.length === expected.data.length && found.data.length > 0);
  for (let at = 0; at < expected.data.length; at += 1) {
    const [one, other] = [Number(found.data[at]), Number(expected.data[at])];
    assert.ok(Math.abs(one - other) <= 1e-6 + 1e-5 * Math.abs(other), `element ${at} is ${one} instead of ${other}`);
  }
}
