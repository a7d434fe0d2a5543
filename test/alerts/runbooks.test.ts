import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parser as logQl } from '@grafana/lezer-logql';
import type { Tree } from '@lezer/common';
import { parser as promQl } from '@prometheus-io/lezer-promql';
import { alertRules, logRuleGroups, ruleGroups, runbookOf } from '../../observability/alerts/alerts.ts';
import { isAlert } from '../../observability/alerts/rule.ts';
import { serverSeries } from '../../observability/alerts/server-series.ts';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { metricNames } from '../../src/telemetry/names/names.ts';

const root = join(import.meta.dirname, '../..');
const pages = readdirSync(join(root, 'docs/runbooks')).filter((name) => name.endsWith('.md'));
const sections = ['Check first', 'Impact', 'Diagnose', 'Fix'];

const recorded = ruleGroups.flatMap(({ rules }) => rules.flatMap((rule) => (isAlert(rule) ? [] : [rule.record])));
const known = new Set<string>([
  ...Object.values(metricNames).flatMap((metric) => {
    const name = nameInPrometheus(metric);
    return metric.kind === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => `${name}${part}`) : [name];
  }),
  ...serverSeries,
  ...recorded,
  'ALERTS',
]);

describe('the alerts and their runbooks', () => {
  it('are at least forty rules, in three severities', () => {
    assert.ok(alertRules.length >= 40, String(alertRules.length));
    assert.deepEqual([...new Set(alertRules.map(({ severity }) => severity))].toSorted(), [
      'critical',
      'info',
      'warning',
    ]);
  });

  it('have a page for every rule, and no page without one', () => {
    const wanted = new Set(alertRules.map((rule) => runbookOf(rule).replace('docs/runbooks/', '')));
    assert.deepEqual(pages.toSorted(), [...wanted].toSorted());
  });

  it('have pages that name every alert that leads to them', () => {
    for (const rule of alertRules) {
      const text = readFileSync(join(root, runbookOf(rule)), 'utf8');
      assert.match(text, new RegExp(`\\b${rule.alert}\\b`), `${runbookOf(rule)} does not speak of ${rule.alert}`);
    }
  });

  for (const page of pages) {
    it(`${page} says what to check first, the impact, how to diagnose and how to fix, with queries that are right`, () => {
      const text = readFileSync(join(root, 'docs/runbooks', page), 'utf8');
      const found = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
      assert.deepEqual(found, sections);
      const queries = [...text.matchAll(/^```(promql|logql)\n([\s\S]*?)\n```$/gm)];
      assert.ok(queries.length > 0, 'it has no query');
      assert.equal(text.match(/^```\n\nExpect: .{1,}\.$/gm)?.length, queries.length, 'a query without what to expect');
      for (const [, language, query = ''] of queries) {
        if (language === 'promql') assertPromQl(query);
        else assertParses(logQl.parse(query), query);
      }
      for (const [, link] of text.matchAll(/\]\((\w+\.md)\)/g))
        assert.ok(pages.includes(link!), `${link} is not there`);
    });
  }

  it('have expressions that parse, over series that exist', () => {
    for (const { rules } of ruleGroups) for (const { expr } of rules) assertPromQl(expr);
    for (const { rules } of logRuleGroups) for (const { expr } of rules) assertParses(logQl.parse(expr), expr);
  });

  it('name in their sentences only labels that they carry', () => {
    for (const { alert, by, summary, description } of alertRules) {
      for (const [, label] of `${summary} ${description}`.matchAll(/\$labels\.(\w+)/g))
        assert.ok(by.includes(label!), `${alert} names ${label}`);
    }
  });

  it('read no counts from the spans that were kept, which are a sample', () => {
    for (const { rules } of ruleGroups) for (const { expr } of rules) assert.doesNotMatch(expr, /traces_span_metrics/);
  });

  it('are linked to files that are there', () => {
    for (const rule of alertRules) assert.ok(existsSync(join(root, runbookOf(rule))), runbookOf(rule));
  });
});

function assertPromQl(query: string): void {
  const tree = promQl.parse(query);
  assertParses(tree, query);
  tree.iterate({
    enter: ({ name, from, to, node }) => {
      if (name !== 'Identifier' || node.parent?.name !== 'VectorSelector') return;
      const series = query.slice(from, to);
      assert.ok(known.has(series), `nobody tells ${series} (in ${query})`);
    },
  });
}

function assertParses(tree: Tree, query: string): void {
  tree.iterate({
    enter: ({ type, from }) => {
      assert.ok(!type.isError, `cannot be parsed at ${from}: ${query}`);
    },
  });
}
