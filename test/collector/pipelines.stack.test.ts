import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { waitFor } from '../../testkit/wait-for.ts';
import { CollectorProcess } from './collector-process.ts';
import { decode, encode, nowNanoseconds, type Placed, type PlainMap, post, type Signal } from './otlp-json.ts';
import type { PipelineCase } from './pipeline-case.ts';

// The Collector's pipelines, tested as functions: OTLP in, a file out, compared. The configuration
// is the real one. A new row in one of the tables in cases/, or a new table there, is a new test.

const folder = join(import.meta.dirname, 'cases');
const tables = await Promise.all(
  readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .map(async (file) => ({
      name: file.slice(0, -'.ts'.length),
      cases: ((await import(join(folder, file))) as { cases: PipelineCase[] }).cases,
    })),
);

describe('the Collector', function () {
  this.timeout(900_000);
  let collector: CollectorProcess;
  const received = new Map<string, Placed[]>();

  before(async () => {
    collector = await CollectorProcess.intoFiles(undefined, { VITRINE_ENVIRONMENT: 'cases' });
    // Everything is sent at once, and then one more record of each signal: when that has come out, so
    // has all that will.
    for (const { name, cases } of tables) {
      for (const signal of ['traces', 'metrics', 'logs'] as const) {
        const rows = cases.filter((one) => one.signal === signal);
        await Promise.all(
          rows.map((row) => post(collector.url, signal, encode(signal, [placed(row, idOf(name, row))]))),
        );
      }
    }
    for (const signal of ['traces', 'metrics', 'logs'] as const) {
      await post(collector.url, signal, encode(signal, [placed({ does: '', signal, sent: last[signal] }, 'last')]));
    }
    for (const [file, signal] of Object.entries(outputs)) {
      const records = await waitFor(`the last record in ${file}`, async () => {
        const all = decode(signal, await collector.received(file as keyof typeof outputs));
        return all.some(({ place }) => place.resource['test.case'] === 'last') && all;
      });
      received.set(file, records);
    }
  });
  after(() => collector?.[Symbol.asyncDispose]());

  for (const { name, cases } of tables) {
    describe(`with ${name}`, () => {
      for (const row of cases) {
        it(row.does, () => {
          const id = idOf(name, row);
          const got = received
            .get(row.through ?? row.signal)
            ?.filter(({ place }) => place.resource['test.case'] === id);
          if (row.canary !== undefined) {
            assert.equal(got?.length, 1, 'one record must come out');
            const text = JSON.stringify(got, (_, value) => (typeof value === 'bigint' ? String(value) : value));
            // As it stands in JSON.
            assert.ok(!text.includes(JSON.stringify(row.canary).slice(1, -1)), text);
            return;
          }
          if (row.received === null) {
            assert.deepEqual(got, []);
            return;
          }
          assert.equal(got?.length, 1, 'one record must come out');
          const { place, record } = got[0] as Placed;
          const wanted = row.received ?? row.sent;
          assert.deepEqual(normalize(record, wanted, row.signal), normalize(wanted, wanted, row.signal));
          if (row.receivedResource !== undefined) {
            const { 'test.case': _, ...resource } = place.resource;
            assert.deepEqual(resource, row.receivedResource);
          }
          if (row.receivedScope?.attributes !== undefined) {
            assert.deepEqual(place.scope.attributes, row.receivedScope.attributes);
          }
        });
      }
    });
  }

  it('counts the records in which it masked something', async () => {
    const counted = await waitFor('the counts', async () => {
      const metrics = decode('metrics', await collector.received('metrics')).map(({ record }) => String(record.name));
      const names = ['spans', 'span_events', 'log_records'].map((what) => `collector.redacted.${what}`);
      return names.every((name) => metrics.includes(name)) && names;
    });
    assert.equal(counted.length, 3);
  });

  it('has refused and failed nothing', async () => {
    const wrong = (await collector.ownMetrics()).filter(
      (line) => /^otelcol_(receiver_refused|receiver_failed|exporter_send_failed)/.test(line) && !/ 0$/.test(line),
    );
    assert.deepEqual(wrong, []);
  });

  it('draws exemplars from the spans it passes on, with their route and their seconds', async () => {
    const traceId = randomBytes(16).toString('hex');
    const span = { name: 'GET /v2', traceId, kind: 2, attributes: { 'http.route': '/v2', 'error.type': 'busy' } };
    await post(
      collector.url,
      'traces',
      encode('traces', [placed({ does: '', signal: 'traces', sent: span }, 'exemplar')]),
    );
    const metric = await waitFor('a histogram with the exemplar', async () =>
      decode('metrics', await collector.received('metrics'))
        .map(({ record }) => record)
        .find((one) => one.name === 'traces.span.metrics.duration' && JSON.stringify(one, text).includes(traceId)),
    );
    assert.equal(metric.unit, 's');
    const histogram = metric.histogram as PlainMap;
    assert.equal(histogram.aggregationTemporality, 2);
    const point = (histogram.dataPoints as PlainMap[]).find((one) => JSON.stringify(one, text).includes(traceId));
    const { 'collector.instance.id': instance, ...attributes } = (point?.attributes ?? {}) as PlainMap;
    assert.ok(instance, 'two Collectors must not write one series');
    assert.deepEqual(attributes, {
      'service.name': 'cases',
      'span.name': 'GET /v2',
      'span.kind': 'SPAN_KIND_SERVER',
      'status.code': 'STATUS_CODE_UNSET',
      'http.route': '/v2',
      'error.type': 'busy',
    });
  });
});

const outputs = { traces: 'traces', metrics: 'metrics', logs: 'logs', prometheus: 'metrics', loki: 'logs' } as const;

const last: Record<Signal, PlainMap> = {
  traces: {},
  metrics: { gauge: { dataPoints: [{ timeUnixNano: nowNanoseconds(), asInt: '1' }] } },
  logs: { body: 'last' },
};

const text = (_: string, value: unknown) => (typeof value === 'bigint' ? String(value) : value);

function idOf(table: string, row: PipelineCase): string {
  return `${table}: ${row.does}`;
}

/** With what a row leaves out. The resource carries the row's name, by which it is found again. */
function placed(row: PipelineCase, id: string): Placed {
  const filled: Record<Signal, PlainMap> = {
    traces: {
      traceId: randomBytes(16).toString('hex'),
      spanId: randomBytes(8).toString('hex'),
      name: 'test',
      startTimeUnixNano: nowNanoseconds(-5),
      endTimeUnixNano: nowNanoseconds(),
    },
    metrics: { name: 'test' },
    logs: { timeUnixNano: nowNanoseconds() },
  };
  return {
    place: {
      resource: { ...(id === 'exemplar' ? { 'service.name': 'cases' } : {}), ...row.resource, 'test.case': id },
      scope: { name: row.scope?.name ?? 'test', attributes: row.scope?.attributes ?? {} },
    },
    record: { ...filled[row.signal], ...row.sent },
  };
}

/**
 * What a row does not say is not compared: ids, times, the name; an empty list and a missing one
 * are the same.
 */
function normalize(record: PlainMap, wanted: PlainMap, signal: Signal): PlainMap {
  const unsaid = [
    'traceId',
    'spanId',
    'name',
    'startTimeUnixNano',
    'endTimeUnixNano',
    'timeUnixNano',
    'observedTimeUnixNano',
  ];
  const kept = Object.entries(record).filter(([key]) => key in wanted || !unsaid.includes(key));
  return Object.fromEntries(
    kept
      .map(([key, value]) => [key, signal === 'metrics' ? withoutUnsaidTimes(value, wanted[key]) : value] as const)
      .filter(([, value]) => !(typeof value === 'object' && Object.keys(value).length === 0)),
  );
}

/** The points of a metric lose the times that the row's points do not have. */
function withoutUnsaidTimes(value: PlainMap[string], wanted: PlainMap[string] | undefined): PlainMap[string] {
  const points = (value as PlainMap | undefined)?.dataPoints;
  const wantedPoints = (wanted as PlainMap | undefined)?.dataPoints;
  if (!Array.isArray(points) || !Array.isArray(wantedPoints)) return value;
  const dataPoints = points.map((point, index) =>
    Object.fromEntries(
      Object.entries(point as PlainMap).filter(([key]) =>
        !key.endsWith('TimeUnixNano') && key !== 'timeUnixNano'
          ? true
          : key in ((wantedPoints[index] ?? {}) as PlainMap),
      ),
    ),
  );
  return { ...(value as PlainMap), dataPoints };
}
