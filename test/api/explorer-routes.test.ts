import assert from 'node:assert/strict';
import { batchesAnswered } from '../../src/api/requests/batches-answer.ts';
import { distributionAnswered } from '../../src/api/requests/distribution.ts';
import { gather, perceptron } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

const good = 6;
const failed = 3;

type Line = { request_id: string; model: string; failure: string | null; duration_ms: number };

describe('the explorer of requests', function () {
  this.timeout(60_000);
  let api: ServedApi;

  before(async () => {
    api = await serveApi({ gather: { onnx: gather() }, perceptron: { onnx: perceptron() } }, {}, { observed: true });
    for (let at = 0; at < good; at += 1) await infer('gather', `good-${at}`, 0);
    for (let at = 0; at < failed; at += 1) await infer('gather', `bad-${at}`, 99);
    await infer('gone', 'nowhere', 0);
    await waitFor('all of them remembered', async () => (await distribution('')).requests === good + failed + 1);
  });

  after(async () => api?.[Symbol.asyncDispose]());

  it('counts every request in a cell of when it ended and how long it took', async () => {
    const { cells, requests, columns, row_bounds_ms: bounds } = await distribution('columns=10');
    assert.equal(
      cells.reduce((sum, cell) => sum + cell.requests, 0),
      requests,
    );
    assert.equal(
      cells.reduce((sum, cell) => sum + cell.failed, 0),
      failed + 1,
    );
    assert.equal(columns, 10);
    const rows = new Set(cells.map(({ row }) => row));
    const lines = await list('recent=20');
    for (const { duration_ms: ms } of lines)
      assert.ok(
        [...rows].some((row) => bounds[row]! <= ms + 0.001 && ms < bounds[row + 1]! + 0.001),
        `${ms}`,
      );
  });

  it('says by word what else could be chosen, with the rest of the query as it is', async () => {
    const { requests, values } = await distribution('model=gather&failed=true');
    assert.equal(requests, failed);
    assert.deepEqual(
      values.status?.map(({ is }) => is),
      [500],
    );
    assert.deepEqual(
      values.model?.find(({ is }) => is === 'gather'),
      { is: 'gather', requests: failed, failed },
    );
    // With another status it would be the good ones too.
    const withStatus = await distribution('model=gather&status=500');
    assert.deepEqual(withStatus.values.status?.map(({ is, requests: many }) => [is, many]).toSorted(), [
      [200, good],
      [500, failed],
    ]);
    assert.deepEqual(
      values.failure?.map(({ is }) => is),
      ['inference_failed'],
    );
  });

  it('lists what all filters hold for, in the order that is asked for', async () => {
    assert.deepEqual(ids(await list('recent=20&failure=inference_failed')), ['bad-2', 'bad-1', 'bad-0']);
    assert.deepEqual(ids(await list('recent=20&text=GOOD-3')), ['good-3']);
    assert.equal((await list('failed=20&model=gather')).length, failed);
    assert.deepEqual(await list('recent=20&ms_min=86000000'), []);
    const slowest = (await list('slowest=20&model=gather&status=200')).map(({ duration_ms }) => duration_ms);
    assert.deepEqual(
      slowest,
      slowest.toSorted((a, b) => b - a),
    );
    assert.equal(slowest.length, good);
  });

  it('refuses a filter that it cannot read with a sentence that names it', async () => {
    for (const query of ['ms_min=soon', 'from=yesterday', 'status=99', 'task=nothing']) {
      const response = await api.fetch(`/v1/requests?${query}`);
      const { error } = (await response.json()) as { error: string };
      assert.equal(response.status, 400, error);
      assert.ok(error.includes(query.split('=')[0]!), error);
    }
  });

  it('shows the batches of a time, whose they were and in which lane', async () => {
    const { batches, is_whole } = batchesAnswered.parse(await json('/v1/batches?minutes=5'));
    assert.ok(is_whole);
    const ran = batches.filter(({ model }) => model === 'gather');
    assert.ok(ran.length >= good, `${ran.length}`);
    assert.ok(ran.some(({ outcome }) => outcome === 'failed'));
    for (const { lane, tenants, rows } of ran) {
      assert.notEqual(lane, '');
      assert.ok(rows > 0);
      assert.ok(tenants.length <= 1);
    }
    const before = batchesAnswered.parse(await json('/v1/batches?from=2026-01-01T00:00:00Z&to=2026-01-01T00:01:00Z'));
    assert.deepEqual(before.batches, []);
  });

  async function distribution(query: string) {
    return distributionAnswered.parse(await json(`/v1/requests/distribution?minutes=5&${query}`));
  }

  async function list(query: string): Promise<Line[]> {
    return ((await json(`/v1/requests?minutes=5&${query}`)) as { requests: Line[] }).requests;
  }

  async function json(path: string): Promise<unknown> {
    const response = await api.fetch(path);
    const text = await response.text();
    assert.equal(response.status, 200, text);
    return JSON.parse(text);
  }

  async function infer(model: string, id: string, index: number): Promise<void> {
    const inputs = [{ name: 'index', datatype: 'INT64', shape: [1, 1], data: [index] }];
    const response = await api.fetch(`/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': id },
      body: JSON.stringify({ inputs }),
    });
    await response.arrayBuffer();
  }
});

function ids(lines: readonly Line[]): string[] {
  return lines.map(({ request_id }) => request_id);
}
