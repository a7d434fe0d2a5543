import assert from 'node:assert/strict';
import type { z } from 'zod';
import { blameMatrixAnswered } from '../../src/api/requests/blame-matrix-answer.ts';
import { compareAnswered } from '../../src/api/requests/compare-queries.ts';
import { blameAnswered, whyAnswered } from '../../src/api/requests/why-answer.ts';
import { gather, slow } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from '../api/serve-api.ts';

describe('why, blame and comparison over the API', function () {
  this.timeout(60_000);
  let api: ServedApi;

  before(async () => {
    api = await serveApi({ slow: { onnx: slow() }, gather: { onnx: gather() } }, {}, { observed: true });
  });

  after(async () => api?.[Symbol.asyncDispose]());

  it('names the request that another waited for, and charges the wait to it', async () => {
    const blame = await waitFor('a request that waited', async () => {
      await Promise.all([infer('holder', 400), infer('waiter', 5)]);
      const answer = blameAnswered.parse(await remembered('/v1/requests/waiter/blame'));
      return answer.waited_ms > 5 && answer;
    });
    assert.deepEqual([blame.holders[0]?.id, blame.holders[0]?.kind], ['holder', 'request']);
    const charged = blame.holders.reduce((sum, { ms }) => sum + ms, blame.unheld_ms);
    assert.ok(Math.abs(charged - blame.waited_ms) <= 0.02 * blame.waited_ms, `${charged} of ${blame.waited_ms}`);
    const why = whyAnswered.parse(await remembered('/v1/requests/waiter/why'));
    assert.ok(why.sentence.includes('request holder'), why.sentence);
    const sum = why.parts.reduce((ms, part) => ms + part.ms, 0);
    assert.ok(Math.abs(sum - why.took_ms) <= 0.05 * why.took_ms, `${sum} of ${why.took_ms}`);
    assert.ok(
      why.parts.some(({ cause, evidence }) => cause === 'lane_wait' && evidence[0]?.link === '/v1/requests/holder'),
    );
  });

  it('adds up who made whom wait, by tenant and by model', async () => {
    for (const by of ['tenant', 'model'] as const) {
      const { cells, waited_ms, requests } = blameMatrixAnswered.parse(await json(`/v1/blame?by=${by}`));
      const sum = cells.reduce((ms, cell) => ms + cell.ms, 0);
      assert.ok(requests >= 2 && waited_ms > 5 && Math.abs(sum - waited_ms) <= 0.02 * waited_ms);
      assert.equal(cells[0]?.holder, by === 'tenant' ? 'anonymous' : 'slow');
    }
  });

  it('says what failed requests have that good ones lack', async () => {
    for (let at = 0; at < 8; at += 1) {
      await pick(`good-${at}`, [[1]]);
      await pick(`failed-${at}`, [[7], [7], [7]]);
    }
    const { failure, sentence } = whyAnswered.parse(await remembered('/v1/requests/failed-7/why'));
    assert.equal(failure?.code, 'inference_failed');
    assert.deepEqual(failure?.inputs, [{ name: 'index', datatype: 'INT64', shape: [3, 1] }]);
    assert.ok(
      failure.differences.some(({ field }) => field === 'rows'),
      sentence,
    );
    const compared = await compare({ among: { model: 'gather' }, first: { failed: true }, second: { failed: false } });
    assert.deepEqual([compared.first.requests, compared.second.requests], [8, 8]);
    const rows = compared.differences.find(({ field }) => field === 'rows');
    assert.deepEqual(rows && [rows.is, rows.value, rows.parts], ['at_least', 3, 1]);
  });

  it('compares the slowest with the rest', async () => {
    const { first, second, slower_than_ms } = await compare({ slowest_percent: 10 });
    assert.ok(first.requests >= 1 && second.requests > first.requests && slower_than_ms! > 0);
  });

  it('refuses what it cannot compare or add up with a sentence that names it', async () => {
    for (const body of [{}, { first: { modell: 'x' } }, { first: {}, minutes: 61 }, { first: { from: 'yesterday' } }]) {
      const answer = await api.fetch('/v1/requests/compare', { method: 'POST', body: JSON.stringify(body) });
      const { error } = (await answer.json()) as { error: string };
      assert.equal(answer.status, 400, error);
      assert.match(error, /^Cannot compare requests: /);
    }
    for (const query of ['by=lane', 'minutes=0', 'from=yesterday'])
      assert.equal((await api.fetch(`/v1/blame?${query}`)).status, 400, query);
    assert.equal((await api.fetch('/v1/requests/none/why')).status, 404);
  });

  async function infer(id: string, iterations: number): Promise<void> {
    const inputs = [
      { name: 'x', datatype: 'FP32', shape: [4], data: [1, 2, 3, 4] },
      { name: 'iterations', datatype: 'INT64', shape: [], data: [iterations] },
    ];
    await post('slow', id, inputs);
  }

  async function pick(id: string, data: number[][]): Promise<void> {
    await post('gather', id, [{ name: 'index', datatype: 'INT64', shape: [data.length, 1], data: data.flat() }]);
  }

  async function post(model: string, id: string, inputs: unknown): Promise<void> {
    const answer = await api.fetch(`/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { 'x-request-id': id },
      body: JSON.stringify({ inputs }),
    });
    await answer.arrayBuffer();
  }

  async function compare(body: unknown): Promise<z.output<typeof compareAnswered>> {
    const answer = await api.fetch('/v1/requests/compare', { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    return compareAnswered.parse(JSON.parse(text));
  }

  /** A request is remembered when its connection has done with it. */
  function remembered(path: string): Promise<unknown> {
    return waitFor(path, async () => {
      const answer = await api.fetch(path);
      const text = await answer.text();
      return answer.ok && (JSON.parse(text) as unknown);
    });
  }

  async function json(path: string): Promise<unknown> {
    const answer = await api.fetch(path);
    assert.equal(answer.status, 200);
    return answer.json();
  }
});
