// alone: its recorded loads depend on the time of the machine
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import type { z } from 'zod';
import { whatIfAnswered } from '../../src/api/what-if/what-if-queries.ts';
import { perceptron, slow, slowInBatches } from '../../testkit/models/models.ts';
import { randomFrom } from '../../testkit/random-from.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

type Answer = z.output<typeof whatIfAnswered>;

const recordingsMax = 5;

describe('what if, on recorded loads', function () {
  this.timeout(600_000);
  let api: ServedApi;

  before(async () => {
    api = await serveApi(
      {
        slow: { onnx: slow(), manifest: { queue: { inputs_max: 4096 } } },
        batched: { onnx: slowInBatches(20), manifest: { batching: { rows_max: 8 } } },
        small: { onnx: perceptron() },
      },
      {},
      { observed: true },
    );
  });

  after(async () => api?.[Symbol.asyncDispose]());

  const random = randomFrom(1);
  const loads: Readonly<Record<string, () => Promise<void>>> = {
    // A request runs alone, for as long as it says.
    slow: () =>
      atOnce(4, 40, async () => {
        const data = [1 + Math.floor(8 * random())];
        await infer('slow', [input('x', [4]), { ...input('iterations', []), datatype: 'INT64', data }]);
        await pause(10 * random());
      }),
    // Rows of several requests share a run.
    batched: () =>
      atOnce(8, 20, async () => {
        await infer('batched', [input('x', [1, 4])]);
        await pause(20 * random());
      }),
    // Runs are on the event loop.
    small: () => atOnce(8, 30, () => infer('small', [input('x', [1, 64])])),
  };

  for (const [model, make] of Object.entries(loads))
    it(`says of ${model} with nothing changed what was, within 10 % at p50 and p95`, async () => {
      const differences: string[] = [];
      // A recording in which the machine was taken away cannot come out of arrivals and runs.
      while (differences.length < recordingsMax) {
        const from = new Date().toISOString();
        await make();
        const { was, unchanged } = await ask({ model, from });
        assert.ok(was.arrivals >= 160 && was.answered === was.arrivals, JSON.stringify(was));
        assert.equal(unchanged.answered, was.answered);
        const isAlike = (p: 'p50_ms' | 'p95_ms') => Math.abs(unchanged[p] - was[p]) <= 0.1 * was[p];
        if (isAlike('p50_ms') && isAlike('p95_ms')) return;
        differences.push(JSON.stringify({ was, unchanged }));
      }
      assert.fail(differences.join('\n'));
    });

  it('says that a queue gets shorter with another lane, and longer under more load', async () => {
    const more = await ask({ model: 'slow', load: 3 });
    assert.ok(more.changed.queue_p95_ms > more.unchanged.queue_p95_ms);
    assert.equal(more.changed.arrivals, 3 * more.was.arrivals);
    const lanes = await ask({ model: 'slow', load: 3, replicas: 3 });
    assert.ok(lanes.changed.queue_p95_ms < more.changed.queue_p95_ms);
    assert.equal((await ask({ model: 'slow', lanes: 4 })).manifest.lanes.count, 4);
  });

  it('refuses what it cannot replay with a sentence', async () => {
    for (const [body, status] of [
      [{}, 400],
      [{ model: 'slow', lanes: 0 }, 400],
      [{ model: 'slow', rows: 3 }, 400],
      [{ model: 'none' }, 404],
      [{ model: 'slow', from: '2020-01-01T00:00:00Z', to: '2020-01-01T00:01:00Z' }, 404],
    ] as const) {
      const answer = await api.fetch('/v1/what-if', { method: 'POST', body: JSON.stringify(body) });
      assert.equal(answer.status, status, JSON.stringify(body));
      assert.match(((await answer.json()) as { error: string }).error, /^Cannot /);
    }
  });

  async function ask(body: object): Promise<Answer> {
    const answer = await api.fetch('/v1/what-if', { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return whatIfAnswered.parse(JSON.parse(text));
  }

  async function infer(model: string, inputs: object[]): Promise<void> {
    const answer = await api.fetch(`/v2/models/${model}/infer`, { method: 'POST', body: JSON.stringify({ inputs }) });
    assert.equal(answer.status, 200, await answer.text());
  }
});

function input(name: string, shape: number[]): { name: string; datatype: string; shape: number[]; data: number[] } {
  const data = new Array<number>(shape.reduce((product, size) => product * size, 1)).fill(1);
  return { name, datatype: 'FP32', shape, data };
}

/** Clients that ask again when they have their answer. */
async function atOnce(clients: number, each: number, ask: () => Promise<void>): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (let at = 0; at < each; at += 1) await ask();
    }),
  );
}
