import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { InferRequest, SequenceCall } from '../../src/engine/inference.ts';
import { ServiceError } from '../../src/errors.ts';
import { growing, identity, runningTotal, slowTotal } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, numbersOf, type Served, serveModels, whole } from './serve-models.ts';

const state = { tensors: [{ output: 'total_after', input: 'total' }], queued_max: 100 };
const lanes = { shortcut: false };
// Its probe divides by zero, so nothing can be proven of its rows.
const batching = { rows_max: 8 };
const models = {
  total: { onnx: runningTotal(), manifest: { state, batching } },
  in_lanes: { onnx: runningTotal(), manifest: { state, lanes, batching } },
  alone: { onnx: runningTotal(), manifest: { state, batching: { rows_max: 0 } } },
  crashes: {
    onnx: runningTotal(),
    manifest: { state, lanes: { kind: 'process' }, batching: { rows_max: 8 } },
  },
  slow: { onnx: slowTotal(60), manifest: { state, batching: { rows_max: 8 } } },
  refuses: { onnx: slowTotal(60), manifest: { state: { ...state, at_once: 'refuse' }, batching: { rows_max: 8 } } },
  short_line: { onnx: slowTotal(60), manifest: { state: { ...state, queued_max: 1 }, batching: { rows_max: 8 } } },
  forgets: { onnx: runningTotal(), manifest: { state: { ...state, idle_ms_max: 30 } } },
  grows: {
    onnx: growing(),
    manifest: {
      batching: { rows_max: 0 },
      dimensions_min: { kept_length: 0 },
      state: { tensors: [{ output: 'kept_after', input: 'kept', shape: [1, 0] }] },
    },
  },
  none: { onnx: identity('FP32') },
};

describe('sequences', function () {
  this.timeout(60_000);
  let served: Served;
  before(async () => {
    served = await serveModels(models, { sequencesMax: 400, sequenceBytesMax: 4096, clientSharePercent: 10 });
  });
  after(() => served[Symbol.asyncDispose]());

  const call = (id: string, of: Partial<SequenceCall> = {}) => ({ id, start: false, end: false, ...of });
  const add = async (
    model: string,
    x: number,
    sequence: SequenceCall,
    more: Partial<InferRequest> = {},
    divisor = 1,
  ) => {
    const inputs = [whole('INT32', 'x', [1, 1], [x]), whole('INT32', 'divisor', [1, 1], [divisor])];
    const answer = await served.infer(model, inputs, { sequence, ...more });
    return { ...answer, total: Number(numbersOf(answer.outputs[0])[0]) };
  };
  const addSlowly = async (model: string, x: number, sequence: SequenceCall, more: Partial<InferRequest> = {}) => {
    const { outputs } = await served.infer(model, [fp32('x', [1, 4], [x, x, x, x])], { sequence, ...more });
    return numbersOf(outputs[0])[0] as number;
  };
  const openOf = (model: string) => served.registry.find(model).sequences!;

  for (const model of ['total', 'in_lanes', 'alone'])
    it(`of model ${model} each have a state of their own, whatever comes when`, async () => {
      const steps = fc.array(
        fc.record({ sequence: fc.integer({ min: 0, max: 7 }), x: fc.integer({ min: -9, max: 9 }) }),
        {
          minLength: 1,
          maxLength: 40,
        },
      );
      let run = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (asked) => {
          run += 1;
          const totals = new Map<number, number>();
          await Promise.all(
            asked.map(async ({ sequence, x }) => {
              const start = !totals.has(sequence);
              const expected = (totals.get(sequence) ?? 0) + x;
              totals.set(sequence, expected);
              const { total } = await add(model, x, call(`${run}-${sequence}`, { start }));
              assert.equal(total, expected);
            }),
          );
          for (const [sequence, total] of totals) {
            const last = await add(model, 0, call(`${run}-${sequence}`, { end: true }));
            assert.equal(last.total, total);
          }
          assert.equal(openOf(model).count, 0);
        }),
        { numRuns: 25 },
      );
    });

  it('share batches: rows of different sequences run together', async () => {
    const ids = Array.from({ length: 8 }, (_, at) => `shared-${at}`);
    for (const [at, id] of ids.entries()) await addSlowly('slow', at, call(id, { start: true }));
    const rows = new Set<number>();
    await Promise.all(
      ids.map(async (id, at) => {
        const inputs = [fp32('x', [1, 4], [1, 1, 1, 1])];
        const { outputs, batch } = await served.infer('slow', inputs, { sequence: call(id, { end: true }) });
        assert.equal(numbersOf(outputs[0])[0], at + 1);
        rows.add(batch!.rows);
      }),
    );
    assert.ok(Math.max(...rows) > 1, `rows in a batch: ${[...rows]}`);
  });

  it('answer the state only to who asks for it by name', async () => {
    const names = async (outputs?: string[]) =>
      (await add('total', 1, call('names', { start: true, end: true }), { outputs })).outputs.map(({ name }) => name);
    assert.deepEqual(await names(), ['y']);
    assert.deepEqual(await names(['total_after', 'y']), ['total_after', 'y']);
    assert.deepEqual(await names(['total_after']), ['total_after']);
  });

  it('begin with zeros, and once more where a call says start', async () => {
    assert.equal((await add('total', 5, call('again', { start: true }))).total, 5);
    assert.equal((await add('total', 5, call('again'))).total, 10);
    assert.equal((await add('total', 1, call('again', { start: true }))).total, 1);
    assert.equal((await add('total', 1, call('again', { end: true }))).total, 2);
  });

  it('belong to their client: another one’s of the same id is another', async () => {
    await add('total', 5, call('mine', { start: true }), { tenant: 'one' });
    await assert.rejects(add('total', 1, call('mine'), { tenant: 'other' }), isFailure('sequence_not_found'));
    assert.equal((await add('total', 1, call('mine', { end: true }), { tenant: 'one' })).total, 6);
  });

  it('that were not begun, or have ended, are refused in words', async () => {
    await assert.rejects(add('total', 1, call('unknown')), isFailure('sequence_not_found', /sequence_start/));
    await assert.rejects(add('total', 1, call('unknown', { end: true })), isFailure('sequence_not_found', /is to end/));
    await add('total', 1, call('over', { start: true, end: true }));
    await assert.rejects(add('total', 1, call('over')), isFailure('sequence_not_found'));
  });

  it('are refused of a model without a state, and with the state as an input', async () => {
    const copy = served.infer('none', [fp32('x', [1, 1], [1])], { sequence: call('x', { start: true }) });
    await assert.rejects(copy, isFailure('invalid_input', /has no state/));
    const given = [
      whole('INT32', 'x', [1, 1], [1]),
      whole('INT32', 'divisor', [1, 1], [1]),
      whole('INT32', 'total', [1, 1], [1]),
    ];
    await assert.rejects(
      served.infer('total', given, { sequence: call('x', { start: true }) }),
      isFailure('invalid_input', /"total" is the state/),
    );
    // Without a sequence the caller has the state itself.
    assert.deepEqual(
      (await served.infer('total', given)).outputs.map(({ name }) => name),
      ['y', 'total_after'],
    );
  });

  it('take one call at a time: others wait in their order', async () => {
    const first = addSlowly('slow', 1, call('line', { start: true }));
    const others = [2, 3, 4].map((x) => addSlowly('slow', x, call('line')));
    assert.deepEqual(await Promise.all([first, ...others]), [1, 3, 6, 10]);
    await addSlowly('slow', 0, call('line', { end: true }));
  });

  it('refuse a second call at once where the manifest says so, and one beyond the line', async () => {
    const first = addSlowly('refuses', 1, call('busy', { start: true }));
    await assert.rejects(addSlowly('refuses', 1, call('busy')), isFailure('sequence_busy', /state\.at_once/));
    assert.equal(await first, 1);
    const one = addSlowly('short_line', 1, call('line', { start: true }));
    const two = addSlowly('short_line', 1, call('line'));
    await assert.rejects(addSlowly('short_line', 1, call('line')), isFailure('sequence_busy', /state\.queued_max/));
    assert.deepEqual(await Promise.all([one, two]), [1, 2]);
  });

  it('answer calls that wait behind the last one as calls of a sequence that is over', async () => {
    const last = addSlowly('slow', 1, call('ends', { start: true, end: true }));
    const late = assert.rejects(addSlowly('slow', 1, call('ends')), isFailure('sequence_not_found'));
    const anew = addSlowly('slow', 7, call('ends', { start: true, end: true }));
    assert.deepEqual([await last, await anew], [1, 7]);
    await late;
  });

  it('answer a call whose deadline passes while it waits for its turn', async () => {
    const first = addSlowly('slow', 1, call('late', { start: true }));
    const late = addSlowly('slow', 1, call('late'), { deadlineAt: performance.now() + 5 });
    await assert.rejects(late, isFailure('deadline_exceeded'));
    await first;
    assert.equal(await addSlowly('slow', 1, call('late', { end: true })), 2);
  });

  it('are not lost with their lane, nor changed by a call that fails', async () => {
    assert.equal((await add('crashes', 3, call('safe', { start: true }))).total, 3);
    // A hardware trap: the process of the lane ends.
    await assert.rejects(add('crashes', -(2 ** 31), call('safe'), {}, -1), isFailure('lane_crashed'));
    assert.equal((await add('crashes', 4, call('safe'))).total, 7);
    await assert.rejects(add('crashes', 1, call('safe'), {}, 0), isFailure('inference_failed'));
    assert.equal((await add('crashes', 1, call('safe', { end: true }))).total, 8);
    assert.equal(openOf('crashes').count, 0);
  });

  it('have not begun when their first call fails', async () => {
    await assert.rejects(add('total', 1, call('fails', { start: true }), {}, 0), isFailure('inference_failed'));
    assert.equal(openOf('total').count, 0);
    await assert.rejects(add('total', 1, call('fails')), isFailure('sequence_not_found'));
  });

  it('are dropped when they are idle for too long', async () => {
    await add('forgets', 1, call('idle', { start: true }));
    await waitFor('the sequence to be dropped', () => openOf('forgets').count === 0);
    assert.equal(openOf('forgets').bytes, 0);
    await assert.rejects(add('forgets', 1, call('idle')), isFailure('sequence_not_found', /state\.idle_ms_max/));
  });

  it('are limited in number for each client', async () => {
    const ids = Array.from({ length: 300 }, (_, at) => `many-${at}`);
    let begun = 0;
    const refusals: unknown[] = [];
    for (const id of ids)
      await add('total', 1, call(id, { start: true }), { tenant: 'greedy' }).then(
        () => (begun += 1),
        (error: unknown) => refusals.push(error),
      );
    // Half of them, less what other clients hold.
    assert.ok(begun > 100 && begun <= 200, String(begun));
    assert.ok(refusals.every((error) => isFailure('share_used', /VITRINE_SEQUENCES_MAX/)(error)));
    assert.equal((await add('total', 1, call('other', { start: true, end: true }), { tenant: 'modest' })).total, 1);
    for (const id of ids.slice(0, begun)) await add('total', 1, call(id, { end: true }), { tenant: 'greedy' });
    assert.equal(openOf('total').count, 0);
  });

  it('are limited in bytes: a state that grows beyond them stays as it was', async () => {
    const grow = (length: number, of: Partial<SequenceCall> = {}) =>
      served.infer('grows', [fp32('x', [1, length], new Array(length).fill(1))], {
        sequence: call('large', of),
        outputs: ['kept_after'],
      });
    assert.equal((await grow(200, { start: true })).outputs[0]?.data.length, 200);
    assert.equal((await grow(200)).outputs[0]?.data.length, 400);
    await assert.rejects(grow(700), isFailure('busy', /VITRINE_SEQUENCE_BYTES_MAX/));
    assert.equal((await grow(10, { end: true })).outputs[0]?.data.length, 410);
    assert.equal(openOf('grows').bytes, 0);
  });

  it('end when their model is loaded again', async () => {
    await add('in_lanes', 1, call('reloaded', { start: true }));
    await served.registry.load('in_lanes');
    await assert.rejects(add('in_lanes', 1, call('reloaded')), isFailure('sequence_not_found', /loaded again/));
  });

  for (const [what, wrong, says] of [
    ['names an output that is not there', { output: 'nothing', input: 'total' }, /"nothing", which it does not have/],
    ['names an input that is not there', { output: 'total_after', input: 'nothing' }, /"nothing", which it does not/],
    ['has a shape that does not fit', { output: 'total_after', input: 'total', shape: [1, 2] }, /does not fit/],
  ] as const)
    it(`are refused at the load when the state ${what}`, async () => {
      const load = served.registry.load('total', { config: () => ({ state: { tensors: [wrong] } }) });
      await assert.rejects(load, isFailure('invalid_model', says));
    });

  it('and remembered answers do not go together', async () => {
    const load = served.registry.load('total', { config: () => ({ state, cache: {} }) });
    await assert.rejects(load, isFailure('invalid_model', /leave one out/));
  });
});

function isFailure(code: string, says = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof ServiceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, says);
    return true;
  };
}
