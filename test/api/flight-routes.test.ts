import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { AccessControl } from '../../src/api/access/access-control.ts';
import { Clients } from '../../src/api/access/clients.ts';
import { flightAnswer } from '../../src/api/requests/flight-answer.ts';
import { showRequest } from '../../src/api/requests/flight-routes.ts';
import { readConfig } from '../../src/config.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { batchOf, recordOf, remember } from '../telemetry/flight-records.ts';

describe('a request that is looked up', () => {
  const flights = new FlightRecorder({ recordsMax: 3, batchesMax: 1, minutesMax: 1 });
  let server: Server;

  before(async () => {
    const access = await AccessControl.open(readConfig({}), new Meter());
    const show = showRequest({ access, flights });
    const client = new Clients(readConfig({})).byAddress('127.0.0.1');
    server = express()
      .get('/v1/requests/:id', (request, response) => show(request, response, client))
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  after(() => server?.close());

  it('is not another of its own id, though it is made anew each time it is found', async () => {
    // Three slower ones: the last is remembered as one of the last, and neither as slow nor as failed.
    for (const at of [22, 23, 24, 1]) remember(flights, { ...recordOf(at, undefined), startedAt: 0, status: 200 });
    const [{ requestId, ids } = assert.fail()] = flights.list(
      'recent',
      { tenant: undefined, model: undefined, fault: undefined, endedSinceMs: 0 },
      1,
    );
    for (const id of [requestId, ids.traceId, ids.spanId]) {
      const { trace_id, same_id } = await lookUp(id);
      assert.equal(trace_id, ids.traceId);
      assert.deepEqual(same_id, []);
    }
  });

  it('names the older ones of the same id, which callers may use twice', async () => {
    const [older, newer] = [1, 2].map((at) =>
      remember(flights, { ...recordOf(at, undefined), requestId: 'said-twice' }),
    );
    const { trace_id, same_id } = await lookUp('said-twice');
    assert.equal(trace_id, newer!.ids.traceId);
    assert.deepEqual(
      same_id.map((each) => each.trace_id),
      [older!.ids.traceId],
    );
  });

  it('tells who may not know of another model that something ran meanwhile, and not what', () => {
    const flights = new FlightRecorder({ recordsMax: 3, batchesMax: 9, minutesMax: 1 });
    const record = { ...recordOf(2, batchOf(1, 'mine')), startedAt: 0, tookMs: 10_000 };
    for (const [id, model] of [
      [2, 'mine'],
      [3, 'hidden-one'],
      [4, 'hidden-two'],
    ] as const)
      flights.batchEnded(batchOf(id, model));
    flights.modelLoaded({ model: 'hidden-one', version: '7', startedAt: 1, endedAt: 2, result: 'ok' });
    const given = { sees: () => true, sameId: [], mayName: (model: string) => model === 'mine' };
    const { competition } = flightAnswer(record, flights, given);
    assert.deepEqual(
      competition.models.map(({ model, batches }) => [model, batches]),
      [
        [null, 2],
        ['mine', 1],
      ],
    );
    assert.deepEqual(
      competition.loads.map(({ model, version }) => [model, version]),
      [[null, null]],
    );
    assert.ok(!JSON.stringify(competition).includes('hidden'));
  });

  async function lookUp(id: string): Promise<ReturnType<typeof flightAnswer>> {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/requests/${id}`);
    assert.equal(answer.status, 200);
    return (await answer.json()) as ReturnType<typeof flightAnswer>;
  }
});
