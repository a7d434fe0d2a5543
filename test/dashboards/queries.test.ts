import assert from 'node:assert/strict';
import { alertRules, ruleGroups, runbookOf } from '../../observability/alerts/alerts.ts';
import { isAlert } from '../../observability/alerts/rule.ts';
import { buildPanel } from '../../observability/dashboards/build-panel.ts';
import { dashboards, panelsOf } from '../../observability/dashboards/dashboards.ts';
import { otherMetrics } from '../../observability/dashboards/other-metrics.ts';
import { unusedMetrics } from '../../observability/dashboards/unused-metrics.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames } from '../../src/telemetry/names/names.ts';
import { metricsRead, syntaxError } from './parse-query.ts';

const asked = dashboards.flatMap((plan) =>
  panelsOf(plan).flatMap((panel) =>
    panel.queries.map((query) => ({ ...query, at: `${plan.name}: ${panel.title}`, panel })),
  ),
);
const ofPrometheus = asked.filter(({ source }) => source === 'prometheus');

const namesOf = (name: MetricName): string[] => {
  const metric = metricNames[name];
  const base = nameInPrometheus(metric);
  return metric.kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => base + part) : [base];
};
const tableNames = Object.keys(metricNames) as MetricName[];

describe('the queries of the dashboards', () => {
  it('can be read by the grammars of PromQL, LogQL and TraceQL', () => {
    const wrong = asked.flatMap((query) => {
      const error = syntaxError(query);
      return error === undefined ? [] : [`${query.at} ${error} in ${query.expr}`];
    });
    assert.deepEqual(wrong, []);
    assert.ok(asked.length > 250);
  });

  it('are found wrong when they are', () => {
    assert.ok(syntaxError({ source: 'prometheus', expr: 'sum(rate(a[5m])' }));
    assert.ok(syntaxError({ source: 'loki', expr: '{a="b"} | | c' }));
    assert.ok(syntaxError({ source: 'tempo', expr: '{ span.a = }' }));
  });

  it('name metrics of the table, of the servers around it and of the recording rules, and no others', () => {
    const recorded = ruleGroups.flatMap(({ rules }) => rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record])));
    const known = new Set<string>([...tableNames.flatMap(namesOf), ...Object.values(otherMetrics), ...recorded]);
    for (const { expr, at } of ofPrometheus) {
      const read = metricsRead(expr);
      assert.ok(read.length > 0, `${at} reads nothing: ${expr}`);
      for (const { name } of read) assert.ok(known.has(name), `${at}: ${name} is told by nobody`);
    }
  });

  it('read no span metrics, which count kept traces only, and neither do the rules', () => {
    for (const { expr, at } of ofPrometheus) assert.doesNotMatch(expr, /traces_span_metrics_/, at);
    for (const { rules } of ruleGroups) {
      for (const rule of rules) assert.doesNotMatch(rule.expr, /traces_span_metrics_/);
    }
  });

  it('use every metric of the table, or the rules do, or it is said why nobody does', () => {
    const expressions = [
      ...ofPrometheus.map(({ expr }) => expr),
      ...ruleGroups.flatMap(({ rules }) => rules.map(({ expr }) => expr)),
    ];
    const used = new Set(expressions.flatMap((expr) => metricsRead(expr).map(({ name }) => name)));
    // A histogram is read where its twin without chosen buckets is.
    const readAs = (name: MetricName) => {
      const metric = metricNames[name];
      return 'exact' in metric ? [...namesOf(name), ...namesOf(metric.exact)] : namesOf(name);
    };
    const unused = tableNames.filter((name) => !readAs(name).some((one) => used.has(one)));
    assert.deepEqual(unused.toSorted(), Object.keys(unusedMetrics).toSorted());
  });
});

describe('the dashboards', () => {
  it('say of every panel what it shows, when it may be empty, and where its runbook is', () => {
    const runbooks = new Set(alertRules.map(runbookOf));
    for (const plan of dashboards) {
      for (const [at, panel] of panelsOf(plan).entries()) {
        assert.ok(panel.title !== '' && panel.says.length > 3, `${plan.name}: ${panel.title}`);
        const { description = '' } = buildPanel(panel, at, { x: 0, y: 0, w: 1, h: 1 });
        assert.ok(description.startsWith(panel.says));
        assert.ok(description.includes(`Empty until ${panel.onlyAfter ?? ''}`) === (panel.onlyAfter !== undefined));
        const named = /Runbook: (\S+)$/.exec(description)?.[1];
        assert.ok(panel.runbook === undefined ? named === undefined : runbooks.has(named ?? ''), panel.title);
      }
    }
  });

  it('do not name a runbook that there is not', () => {
    const [panel] = panelsOf(dashboards[0]!);
    assert.throws(
      () => buildPanel({ ...panel!, runbook: 'Nothing' }, 1, { x: 0, y: 0, w: 1, h: 1 }),
      /no alert Nothing/,
    );
  });

  it('have one name, one title and one place each', () => {
    assert.equal(new Set(dashboards.map(({ name }) => name)).size, dashboards.length);
    for (const plan of dashboards) {
      for (const line of plan.lines) {
        const width = line.panels.reduce((sum, panel) => sum + panel.width, 0);
        assert.equal(width, 24, `${plan.name}: the line of "${line.panels[0]?.title}"`);
      }
      const titles = panelsOf(plan).map(({ title }) => title);
      assert.deepEqual(
        titles.filter((title, at) => titles.indexOf(title) !== at),
        [],
        plan.name,
      );
    }
  });

  it('show on the first screen whether it is well: the thirteen panels of an overview', () => {
    const [overview] = dashboards;
    const shown = panelsOf(overview!).map(({ title }) => title);
    for (const wanted of [
      'API status',
      'Total separations',
      'Success rate',
      'Active sessions',
      'Request rate',
      'Separation rate',
      'Request duration',
      'Separation duration',
      'CPU',
      'Memory',
      'Disk',
      'Errors',
      'Models',
    ]) {
      assert.ok(shown.includes(wanted), wanted);
    }
    // 38 pixels a unit: a screen of 1080 less Grafana’s own bars.
    assert.ok(overview!.lines.reduce((sum, { height }) => sum + height, 0) <= 24);
  });
});
