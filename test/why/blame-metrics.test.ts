import assert from 'node:assert/strict';
import { BlameMetrics } from '../../src/observe/blame/blame-metrics.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { columnCount, columnOf } from '../../src/observe/flight/request-table.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { rowOf } from '../telemetry/flight-records.ts';
import { ranFrom, requestOf } from './facts.ts';

type Cell = { readonly waiter: string; readonly holder: string; readonly ms: number };

describe('the metrics of who made whom wait', () => {
  let meter: Meter;
  let flights: FlightRecorder;
  let blame: BlameMetrics;

  function begin(recordsMax = 10_000): void {
    meter = new Meter();
    flights = new FlightRecorder({ recordsMax, batchesMax: 10_000, minutesMax: 60 });
    blame = new BlameMetrics(meter, flights);
  }

  afterEach(async () => blame[Symbol.asyncDispose]());

  it('charge a wait to the tenants whose batch held the lane, by their rows', async () => {
    begin();
    flights.batchEnded(ranFrom(1000, 1040), membersOf({ studio: 3, lab: 1 }));
    waited('guest', 50);
    await blame.charge();
    assert.deepEqual(rounded(byTenant()), [
      { waiter: 'guest', holder: '(nobody)', ms: 10 },
      { waiter: 'guest', holder: 'lab', ms: 10 },
      { waiter: 'guest', holder: 'studio', ms: 30 },
    ]);
    assert.deepEqual(rounded(byModel()), [
      { waiter: 'm', holder: '(nobody)', ms: 10 },
      { waiter: 'm', holder: 'm', ms: 40 },
    ]);
  });

  it('name the task that held the lane', async () => {
    begin();
    flights.batchEnded(ranFrom(1000, 1040), [
      { tenant: 'studio', by: { id: 'big', task: 'separate', isJob: false }, rows: 1, bytes: 4 },
    ]);
    waited('guest', 40);
    await blame.charge();
    assert.deepEqual(rounded(byModel()), [{ waiter: 'm', holder: 'm (separate)', ms: 40 }]);
  });

  it('count each request once, whenever they are counted', async () => {
    begin();
    for (let at = 0; at < 20; at += 1) {
      waited('guest', 7);
      if (at % 3 === 0) await blame.charge();
    }
    await blame.charge();
    await blame.charge();
    assert.ok(Math.abs(sumOf(byTenant()) - 140) < 1e-6);
  });

  it('add up to the time waited of thousands of requests, of which some say who held the lanes', async () => {
    begin();
    for (let at = 0; at < 200; at += 1)
      flights.batchEnded(ranFrom(1000 + at, 1001 + at), membersOf({ [at % 4 === 0 ? 'lab' : 'studio']: 1 }));
    let waitedMs = 0;
    for (let at = 0; at < 2_000; at += 1) waitedMs += waited(at % 2 === 0 ? 'guest' : 'anonymous', 0.1 + (at % 190));
    await blame.charge();
    for (const cells of [byTenant(), byModel()]) assert.ok(Math.abs(sumOf(cells) / waitedMs - 1) < 1e-6);
    const ofStudio = sumOf(byTenant().filter(({ holder }) => holder === 'studio'));
    assert.ok(Math.abs(ofStudio / waitedMs - 0.75) < 0.05, `${ofStudio} of ${waitedMs}`);
  });

  it('have the wait of requests that were forgotten before they were counted', async () => {
    begin(100);
    let waitedMs = 0;
    for (let at = 0; at < 1_000; at += 1) waitedMs += waited('guest', 2);
    await blame.charge();
    assert.ok(Math.abs(sumOf(byTenant()) - waitedMs) < 1e-6);
    const forgotten = sumOf(byTenant().filter(({ waiter }) => waiter === '(forgotten)'));
    assert.ok(Math.abs(forgotten - 1_800) < 1e-6, `${forgotten}`);
  });

  it('have a limit of series, and one name for what is beyond it', async () => {
    begin();
    for (let at = 0; at < 300; at += 1) {
      flights.batchEnded(ranFrom(1000, 1001), membersOf({ [`holder-${at}`]: 1 }));
      waited(`waiter-${at}`, 5);
    }
    await blame.charge();
    const cells = byTenant();
    assert.ok(new Set(cells.map(({ waiter }) => waiter)).size <= 41);
    assert.ok(new Set(cells.map(({ holder }) => holder)).size <= 41);
    assert.ok(cells.some(({ waiter, holder }) => waiter === '(others)' && holder === '(others)'));
    assert.ok(Math.abs(sumOf(cells) - 1_500) < 1e-6);
  });

  it('count what ended last when they are closed', async () => {
    begin();
    waited('guest', 3);
    await blame[Symbol.asyncDispose]();
    assert.ok(Math.abs(sumOf(byTenant()) - 3) < 1e-6);
  });

  /** A request ends that began at 1000 and waited so long from then on. */
  function waited(tenant: string, queue: number): number {
    const record = requestOf({ queue, run: 1 }, { tenant });
    const row = rowOf(flights.table, record);
    const [at] = flights.table.ids.rowsOf(row.ids.spanId, flights.table.size);
    flights.table.numbers[at! * columnCount + columnOf.markedAt] = performance.now();
    flights.add(row, record);
    return queue;
  }

  function byTenant(): Cell[] {
    const points = meter.counter('waitsOfTenants').points();
    return cellsOf(points.map(({ labels, value }) => ({ labels, value, waiter: labels.tenant! })));
  }

  function byModel(): Cell[] {
    const points = meter.counter('waitsOfModels').points();
    return cellsOf(points.map(({ labels, value }) => ({ labels, value, waiter: labels.model! })));
  }
});

function membersOf(rowsOf: Readonly<Record<string, number>>) {
  return Object.entries(rowsOf).map(([tenant, rows]) => ({ tenant, by: undefined, rows, bytes: 4 }));
}

function cellsOf(points: { labels: Record<string, string>; value: number; waiter: string }[]): Cell[] {
  return points
    .filter(({ value }) => value > 0)
    .map(({ labels, value, waiter }) => ({ waiter, holder: labels.holder!, ms: value * 1000 }))
    .sort((one, other) => (one.holder < other.holder ? -1 : 1));
}

function rounded(cells: readonly Cell[]): Cell[] {
  return cells.map((cell) => ({ ...cell, ms: Math.round(cell.ms * 1000) / 1000 }));
}

function sumOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { ms }) => sum + ms, 0);
}
