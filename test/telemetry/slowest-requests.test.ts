import assert from 'node:assert/strict';
import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import { SlowestRequests, slowestMax } from '../../src/observe/flight/slowest-requests.ts';
import { recordOf } from './flight-records.ts';

describe('the slowest requests', () => {
  it('are those of each minute and each model, in whatever turns they end', () => {
    const slowest = new SlowestRequests(1_000);
    const many = 2 * slowestMax;
    for (let took = 1; took <= many; took += 1)
      for (const minute of [0, 1]) for (const model of ['one', 'other']) add(slowest, record(minute, model, took));
    const left = [...slowest].map(({ startedAt, model, tookMs }) => `${startedAt} ${model} ${tookMs}`);
    const wanted = [0, 60_000].flatMap((startedAt) =>
      ['one', 'other'].flatMap((model) =>
        Array.from({ length: slowestMax }, (_, index) => `${startedAt} ${model} ${many - index}`),
      ),
    );
    assert.deepEqual(left, wanted);
  });

  it('leave each tenant its quarter of a full list, however quick its requests are', () => {
    const slowest = new SlowestRequests(1_000);
    const of = (tenant: string) => [...slowest].filter((each) => each.tenant === tenant).map(({ tookMs }) => tookMs);
    for (let took = 1; took <= 500; took += 1) add(slowest, { ...record(0, 'one', 1_000 + took), tenant: 'ann' });
    for (let took = 1; took <= 20; took += 1) add(slowest, { ...record(0, 'one', took), tenant: 'bob' });
    for (let took = 1; took <= 500; took += 1) add(slowest, { ...record(0, 'one', 2_000 + took), tenant: 'ann' });
    const quarter = Math.floor(slowestMax / 4);
    assert.deepEqual(
      of('bob'),
      Array.from({ length: quarter }, (_, index) => 20 - index),
    );
    assert.deepEqual(
      of('ann'),
      Array.from({ length: slowestMax - quarter }, (_, index) => 2_500 - index),
    );
  });

  it('go by time alone where there are more tenants than quarters', () => {
    const slowest = new SlowestRequests(1_000);
    for (let took = 1; took <= 400; took += 1) add(slowest, { ...record(0, 'one', took), tenant: `tenant ${took}` });
    assert.deepEqual(
      [...slowest].map(({ tookMs }) => tookMs),
      Array.from({ length: slowestMax }, (_, index) => 400 - index),
    );
  });

  it('are forgotten by the minute, the oldest first, when there are too many of them', () => {
    const slowest = new SlowestRequests(100);
    for (let minute = 0; minute < 10; minute += 1)
      for (let took = 1; took <= slowestMax; took += 1) add(slowest, record(minute, 'one', took));
    const minutes = new Set([...slowest].map(({ startedAt }) => startedAt / 60_000));
    assert.deepEqual([...minutes], [7, 8, 9]);
  });
});

function record(minute: number, model: string, tookMs: number): FlightRecord {
  return { ...recordOf(1, undefined), startedAt: minute * 60_000, model, tookMs };
}

function add(slowest: SlowestRequests, request: FlightRecord): void {
  if (slowest.wants(request)) slowest.add(request);
}
