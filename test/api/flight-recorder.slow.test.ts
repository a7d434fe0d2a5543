import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { flightAnswer, latencyAnswer } from '../../src/api/requests/flight-answer.ts';
import { slow, slowInBatches, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const keys = { one: 'key-of-tenant-one', two: 'key-of-tenant-two' };
type Flight = ReturnType<typeof flightAnswer>;

const adminToken = 'a-token-of-the-administrator';

describe('the flight recorder', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let receiver: OtlpReceiver;
  let service: ServiceProcess;

  before(async () => {
    folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeModel(models, 'slow', slow());
    await writeModel(models, 'batched', slowInBatches(100), { manifest: { batching: { rows_max: 8 } } });
    const credentials = await writeCredentials(folder.path, { keys, adminToken });
    receiver = await OtlpReceiver.start();
    service = await startService({
      VITRINE_DATA: `${folder.path}/data`,
      VITRINE_MODELS: models,
      ...credentials,
      VITRINE_TRACE_FIRST_PER_SECOND: '0',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    });
  });

  after(async () => {
    await service?.[Symbol.asyncDispose]();
    receiver?.stop();
    await folder?.[Symbol.asyncDispose]();
  });

  it('knows a request that nobody traced: its time account, queue, batch, mates, session and what ran beside it', async () => {
    // The first to come occupies the lane, so that the others share a batch; the other model runs
    // beside them.
    const told = await waitFor('a request with mates, and another model beside it', async () => {
      const ids = Array.from({ length: 8 }, () => `mate-${randomUUID()}`);
      const beside = infer('slow', keys.one, { id: 'beside', iterations: 400 });
      await Promise.all(ids.map((id, at) => infer('batched', at % 2 === 0 ? keys.one : keys.two, { id })));
      await beside;
      await remembered('beside', adminToken);
      const all = await Promise.all(ids.map((id) => remembered(id, adminToken)));
      return all.find(
        ({ tenant, arrival, batch_mates, competition }) =>
          tenant === 'one' &&
          arrival?.running === 1 &&
          batch_mates?.known.some((mate) => mate.tenant === 'two') &&
          competition.models.some(({ model }) => model === 'slow'),
      );
    });
    assert.equal(told.kept, null);
    assert.equal(told.model, 'batched');
    assert.ok(told.arrival && told.batch && told.batch_mates && told.session);
    const booked = Object.values(told.stages_ms).reduce((sum, ms) => sum + ms, 0);
    assert.ok(booked + told.rest_ms > 0.99 * told.duration_ms && booked <= told.duration_ms + 0.01);
    assert.ok(told.batch.requests >= 2 && told.batch.rows === told.batch.requests);
    assert.equal(told.batch.fill, told.batch.rows / 8);
    assert.equal(told.batch_mates.count, told.batch.requests - 1);
    assert.equal(told.batch_mates.known.length, told.batch_mates.count);
    assert.deepEqual(told.session, {
      lanes: 1,
      lane_kind: 'thread',
      intra_op_threads: told.session.intra_op_threads,
      inter_op_threads: 1,
    });
    assert.equal(told.competition.is_whole, true);
    assert.equal((await remembered(told.trace_id, adminToken)).request_id, told.request_id);

    const asSeenByOne = await remembered(told.request_id, keys.one);
    assert.ok(asSeenByOne.batch_mates?.known.every(({ tenant }) => tenant === 'one'));
    assert.equal(asSeenByOne.batch_mates?.count, told.batch_mates.count);
  });

  it('shows a key its own requests only, and the administrator all', async () => {
    await infer('batched', keys.two, { id: 'of-two' });
    await remembered('of-two', keys.two);
    const refused = await ask('/v1/requests/of-two', keys.one);
    assert.equal(refused.status, 404);
    assert.equal(((await refused.json()) as { code: string }).code, 'request_not_found');
    const own = await list('recent=1000', keys.two);
    assert.ok(own.length > 0 && own.every(({ tenant }) => tenant === 'two'));
    assert.ok((await list('recent=1000', adminToken)).some(({ tenant }) => tenant === 'one'));
    assert.equal((await ask('/v1/requests', undefined)).status, 401);
  });

  it('lists the slowest and the failed, and remembers how far a failed one got', async () => {
    await infer('slow', keys.one, { id: 'slowest-of-all', iterations: 2000 });
    await infer('slow', keys.one, {
      id: 'too-late',
      iterations: 1000,
      headers: { 'x-request-timeout-ms': '20' },
      status: 504,
    });
    await remembered('too-late', adminToken);
    const [slowest] = await list('slowest=5&model=slow', adminToken);
    assert.equal(slowest?.request_id, 'slowest-of-all');
    const failed = await list('failed=5', adminToken);
    assert.ok(
      failed.some(({ request_id, failure }) => request_id === 'too-late' && failure === 'caller_deadline_exceeded'),
    );
    const told = await remembered('too-late', adminToken);
    assert.equal(told.kept, 'failed');
    assert.equal(typeof told.arrival?.waiting, 'number');
    // Its run went on after its deadline: until then it had the lane.
    assert.ok((told.stages_ms.run ?? 0) > 0, JSON.stringify(told.stages_ms));
  });

  it('sums up how long requests took, exactly but for the percentiles', async () => {
    await waitFor('the requests', async () => (await summary()).count >= 5);
    const of = await summary();
    assert.ok(of.min_ms <= of.p50_ms && of.p50_ms <= of.p95_ms && of.p95_ms <= of.p99_ms && of.p99_ms <= of.max_ms);
    assert.ok(of.mean_ms >= of.min_ms && of.mean_ms <= of.max_ms);
    assert.equal((await summary('slow')).failures, 1);
  });

  it('books the time of one that failed to where it failed, not to the telling of it', async () => {
    const running = infer('slow', keys.one, { id: 'in-the-way', iterations: 5000 });
    const waited = await waitFor('one that finds the lane taken', async () => {
      const id = `waited-in-vain-${randomUUID()}`;
      await infer('slow', keys.one, { id, headers: { 'x-request-timeout-ms': '60' }, status: 504 });
      const told = await remembered(id, adminToken);
      return told.arrival?.running === 1 && told;
    });
    await running;
    assert.ok(waited.stages_ms.queue! > 0.5 * waited.duration_ms, JSON.stringify(waited.stages_ms));
    const x = { name: 'x', datatype: 'FP32', shape: [1, 4], data: Array.from({ length: 200_000 }, () => 0.25) };
    const wrong = await fetch(`${service.url}/v2/models/batched/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${keys.one}`, 'x-request-id': 'ill-shaped' },
      body: JSON.stringify({ inputs: [x] }),
    });
    assert.equal(wrong.status, 400);
    const { stages_ms } = await remembered('ill-shaped', adminToken);
    assert.ok(stages_ms.receive! > 0 && stages_ms.decode! > stages_ms.send!, JSON.stringify(stages_ms));
  });

  it('refuses what it cannot list with a sentence that names it', async () => {
    for (const query of ['recent=0', 'recent=x', 'slowest=51', 'minutes=61', 'recent=1&failed=1']) {
      const answer = await ask(`/v1/requests?${query}`, adminToken);
      assert.equal(answer.status, 400, query);
    }
  });

  async function summary(model = 'batched'): Promise<ReturnType<typeof latencyAnswer>['models'][number]> {
    const answer = await ask(`/v1/requests/summary?minutes=5&model=${model}`, adminToken);
    const { models } = (await answer.json()) as ReturnType<typeof latencyAnswer>;
    assert.equal(models.length, 1);
    return models[0]!;
  }

  async function list(query: string, key: string): Promise<Record<string, unknown>[]> {
    const answer = await ask(`/v1/requests?${query}`, key);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { requests: Record<string, unknown>[] }).requests;
  }

  /**
   * A request is remembered when its connection has done with it, which its caller may be a moment
   * ahead of.
   */
  function remembered(id: string, key: string): Promise<Flight> {
    return waitFor(`the request ${id}`, async () => {
      const answer = await ask(`/v1/requests/${id}`, key);
      return answer.ok && ((await answer.json()) as Flight);
    });
  }

  function ask(path: string, key: string | undefined): Promise<Response> {
    return fetch(`${service.url}${path}`, { headers: key === undefined ? {} : { authorization: `Bearer ${key}` } });
  }

  async function infer(
    model: 'slow' | 'batched',
    key: string,
    of: { id: string; iterations?: number; headers?: Record<string, string>; status?: number },
  ): Promise<void> {
    const x = { name: 'x', datatype: 'FP32', shape: model === 'slow' ? [4] : [1, 4], data: [1, 2, 3, 4] };
    const iterations = { name: 'iterations', datatype: 'INT64', shape: [], data: [of.iterations ?? 1] };
    const answer = await fetch(`${service.url}/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'x-request-id': of.id, ...of.headers },
      body: JSON.stringify({ inputs: model === 'slow' ? [x, iterations] : [x] }),
    });
    assert.equal(answer.status, of.status ?? 200, await answer.text());
  }
});
