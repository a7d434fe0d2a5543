import assert from 'node:assert/strict';
import { withoutComparison } from '../../web/alerts/without-comparison.ts';
import { moved, zoomed } from '../../web/dashboards/moved-range.ts';
import { secondsOf } from '../../web/dashboards/time-range.ts';
import { asCsv } from '../../web/explore/as-csv.ts';
import { asRequestId } from '../../web/frame/found.ts';
import { rankFound } from '../../web/frame/rank-found.ts';
import { isLogMetric } from '../../web/queries/query-panel.ts';
import { criticalPath } from '../../web/request/critical-path.ts';
import type { SpanNode } from '../../web/request/span-tree.ts';

describe('the search', () => {
  const of = (kind: string, name: string, says = '') => ({ kind, name, says, href: '' });
  const all = [
    of('setting', 'VITRINE_QUEUE_MAX', 'How many requests may wait'),
    of('runbook', 'QueueFull'),
    of('error', 'queue_full', '503 · The queue of the model is full'),
    of('model', 'dnsmos', 'ready'),
  ];

  it('finds what has every word, by name before by description', () => {
    const found = rankFound(all, 'queue full', 9).map(({ name }) => name);
    assert.deepEqual(found.toSorted(), ['QueueFull', 'queue_full']);
    assert.equal(rankFound(all, 'dnsmos', 9)[0]?.name, 'dnsmos');
    assert.deepEqual(rankFound(all, 'queue nothing', 9), []);
  });

  it('takes an id, or a whole traceparent, for its request', () => {
    const id = 'a'.repeat(32);
    assert.equal(asRequestId(`00-${id}-${'b'.repeat(16)}-01`)[0]?.href, `#/requests/${id}`);
    assert.equal(asRequestId('import-7')[0]?.href, '#/requests/import-7');
    assert.deepEqual(asRequestId('two words'), []);
  });
});

describe('the time of a dashboard', () => {
  it('moves by a part of its length, and never beyond now', () => {
    const range = { from: '1000000', to: '2000000' };
    assert.deepEqual(secondsOf(moved(range, -0.5)), { start: 500, end: 1500 });
    assert.deepEqual(secondsOf(zoomed(range, 2)), { start: 500, end: 2500 });
    const now = secondsOf(moved({ from: 'now-1h', to: 'now' }, 0.5));
    assert.ok(now.end <= Date.now() / 1000 + 1);
  });

  it('takes the beginning of a day, as Grafana does', () => {
    const at = Date.parse('2026-11-30T14:03:27');
    assert.equal(secondsOf({ from: 'now/d', to: 'now' }, at).start * 1000, Date.parse('2026-11-30T00:00:00'));
  });
});

describe('a rule that is drawn over time', () => {
  it('is drawn without what its value is compared with', () => {
    assert.equal(withoutComparison('rate(x[5m]) > 0.1'), 'rate(x[5m])');
    assert.equal(withoutComparison('a / b >= bool 1e-3'), 'a / b');
    assert.equal(withoutComparison('absent(up)'), 'absent(up)');
  });
});

describe('a LogQL query', () => {
  it('is a chart where it counts, and lines where it does not', () => {
    assert.ok(isLogMetric('sum by (severity_text) (rate({service_name="vitrine"}[1m]))'));
    assert.ok(isLogMetric('count_over_time({a="b"}[5m])'));
    assert.ok(!isLogMetric('{service_name="vitrine"} |= "(a) [b]"'));
  });
});

describe('the critical path of a trace', () => {
  const span = (name: string, start: number, end: number, children: SpanNode[] = []) =>
    ({ name, start: BigInt(start), end: BigInt(end), children }) as SpanNode;

  it('is what the end waited for, at each moment the child that ended last', () => {
    const run = span('run', 40, 95, [span('operator', 41, 94)]);
    const root = span('root', 0, 100, [span('decode', 0, 10), span('queue', 10, 40), span('beside', 20, 60), run]);
    const path = [...criticalPath(root)].map(({ name }) => name);
    assert.deepEqual(path.toSorted(), ['decode', 'operator', 'queue', 'root', 'run']);
  });

  it('has nothing that went on after the end', () => {
    const root = span('root', 0, 100, [span('run', 0, 100), span('profile', 90, 900)]);
    assert.ok(![...criticalPath(root)].some(({ name }) => name === 'profile'));
  });
});

describe('a list that is saved for a spreadsheet', () => {
  it('quotes what has commas, and makes a formula a text', () => {
    const rows = asCsv([{ route: '=1+1', model: 'a,"b"', duration_ms: -1 }]).split('\r\n');
    assert.deepEqual(rows, ['route,model,duration_ms', `'=1+1,"a,""b""",-1`]);
  });
});
