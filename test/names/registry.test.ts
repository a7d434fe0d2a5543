import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventNames } from '../../src/telemetry/names/events.ts';
import { labelNames } from '../../src/telemetry/names/labels.ts';
import { attributeNames, metricNames } from '../../src/telemetry/names/names.ts';
import { checkTelemetry, type Line, readRegistry } from '../../tools/registry/check-telemetry.ts';

const root = join(import.meta.dirname, '../..');
const text = (value: string) => ({ stringValue: value });

describe('the registry of names', () => {
  it('has every name of the table', () => {
    const registry = readRegistry();
    for (const { name } of Object.values(metricNames)) assert.ok(registry.metrics.has(name), name);
    for (const { name } of Object.values(attributeNames)) assert.ok(registry.attributes.has(name), name);
    for (const { attributes } of registry.metrics.values())
      for (const attribute of attributes) assert.ok(registry.attributes.has(attribute), attribute);
  });

  it('describes no label that no metric has, and none twice', () => {
    const used = new Set(Object.values(metricNames).flatMap(({ attributes }) => attributes as readonly string[]));
    const named: readonly string[] = Object.values(attributeNames).map(({ name }) => name);
    assert.deepEqual(
      Object.keys(labelNames).filter((label) => !used.has(label) || named.includes(label)),
      [],
    );
  });

  it('describes no event that the code does not log', () => {
    const code = globSync('src/**/*.ts', { cwd: root })
      .filter((file) => !file.includes('names/events'))
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n');
    assert.deepEqual(
      Object.keys(eventNames).filter((event) => !code.includes(`'${event}'`)),
      [],
    );
  });

  it('passes what is as it says', () => {
    assert.deepEqual(checkTelemetry([metricLine({}), spanLine({}), logLine({})]), []);
  });

  const wrong: readonly (readonly [what: string, line: Line, says: RegExp])[] = [
    ['an unknown metric', metricLine({ name: 'made.up' }), /metric made\.up is not in the registry/],
    ['another unit', metricLine({ unit: 'ms' }), /has the unit "ms"/],
    ['another instrument', metricLine({ isMonotonic: false }), /is a updowncounter, not a counter/],
    ['an unknown label', metricLine({ attributes: { colour: text('red') } }), /has the unknown attribute colour/],
    ['a missing label', metricLine({ without: 'reason' }), /lacks the attribute reason/],
    ['a label that is a number', metricLine({ attributes: { reason: { intValue: '1' } } }), /reason as intValue/],
    ['an unknown span', spanLine({ name: 'made.up' }), /span made\.up is not in the registry/],
    ['a missing attribute', spanLine({ without: 'job.state' }), /span job lacks job\.state/],
    ['an unknown attribute', spanLine({ attributes: { 'made.up': text('x') } }), /unknown attribute made\.up/],
    ['an attribute of another type', spanLine({ attributes: { 'job.attempt': text('1') } }), /as string, not int/],
    ['an unknown event', logLine({ event: 'made_up' }), /event made_up is not in the registry/],
    ['no event name', logLine({ event: '' }), /has no event name/],
  ];
  for (const [what, line, says] of wrong)
    it(`refuses ${what}`, () => {
      assert.match(checkTelemetry([line]).join('\n'), says);
    });
});

type Values = Record<string, Record<string, unknown>>;
type Made = { name?: string; unit?: string; isMonotonic?: boolean; attributes?: Values; without?: string };

function keyValues(base: Values, { attributes = {}, without }: Made) {
  return Object.entries({ ...base, ...attributes })
    .filter(([key]) => key !== without)
    .map(([key, value]) => ({ key, value }));
}

function metricLine(made: Made): Line {
  const { name = 'vitrine.traces.kept', unit = '', isMonotonic = true } = made;
  const dataPoints = [{ attributes: keyValues({ reason: text('slow') }, made) }];
  return {
    resourceMetrics: [{ scopeMetrics: [{ metrics: [{ name, unit, sum: { isMonotonic, dataPoints } }] }] }],
  };
}

function spanLine(made: Made): Line {
  const base = {
    'job.id': text('1'),
    'job.kind': text('separate'),
    'job.attempt': { intValue: '1' },
    'job.state': text('done'),
    tenant: text('anonymous'),
  };
  const span = { name: made.name ?? 'job', attributes: keyValues(base, made) };
  return { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] };
}

function logLine({ event = 'job_ended' }: { event?: string }): Line {
  const attributes = [{ key: 'event_type', value: text(event) }];
  return { resourceLogs: [{ scopeLogs: [{ logRecords: [{ eventName: event, attributes }] }] }] };
}
