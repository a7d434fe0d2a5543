import assert from 'node:assert/strict';
import { buildDashboard } from '../../observability/dashboards/build-dashboard.ts';
import { dashboards, writeDashboard } from '../../observability/dashboards/dashboards.ts';

const titleCharsMax = 28;

describe('a dashboard that somebody imports into their own Grafana', () => {
  it('names no data source: which store answers is chosen above the panels', () => {
    for (const plan of dashboards) {
      const named = [...writeDashboard(plan).matchAll(/"uid": "([^"]+)"/g)].map(([, uid = '']) => uid);
      const fixed = named.filter((uid) => !/^\$\{(metrics|logs|traces)\}$/.test(uid));
      assert.deepEqual(fixed.toSorted(), ['-- Grafana --', `vitrine-${plan.name}`], plan.name);
      const { templating } = buildDashboard(plan);
      assert.deepEqual(
        templating.list?.slice(0, 3).map(({ type, name }) => `${type} ${name}`),
        ['datasource metrics', 'datasource logs', 'datasource traces'],
      );
    }
  });

  it('can be changed there, and is found by more than one tag', () => {
    for (const plan of dashboards) {
      const { editable, tags = [], annotations } = buildDashboard(plan);
      assert.notEqual(editable, false, plan.name);
      assert.ok(tags.length >= 2, plan.name);
      assert.equal(annotations.list?.[0]?.builtIn, 1);
    }
  });

  it('has titles that are not cut at four columns', () => {
    const long = dashboards.flatMap(({ name, lines }) =>
      lines
        .flatMap(({ panels }) => panels)
        .filter(({ title }) => title.length > titleCharsMax)
        .map(({ title }) => `${name}: ${title}`),
    );
    assert.deepEqual(long, []);
  });

  it('draws durations on a logarithmic axis, with their numbers beside their names', () => {
    const latency = dashboards.flatMap((plan) =>
      (buildDashboard(plan).panels ?? []).filter(
        (panel) => panel.type === 'timeseries' && JSON.stringify(panel).includes('histogram_quantile'),
      ),
    );
    assert.ok(latency.length >= 8, String(latency.length));
    for (const panel of latency) {
      const text = JSON.stringify(panel);
      if (!text.includes('"unit":"s"')) continue;
      assert.match(text, /"scaleDistribution":\{"type":"log","log":10\}/);
      assert.match(text, /"calcs":\["lastNotNull","max","mean"\]/);
    }
  });

  it('asks as often as its figures change where one looks first, and less often elsewhere', () => {
    for (const plan of dashboards)
      assert.equal(buildDashboard(plan).refresh, plan.name === 'overview' ? '10s' : '30s', plan.name);
  });
});
