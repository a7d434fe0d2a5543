import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, panelsOf } from '../../observability/dashboards/dashboards.ts';
import { dataSourceVariables } from '../../observability/dashboards/data-sources.ts';
import type { DashboardPlan, Panel } from '../../observability/dashboards/panel.ts';
import { lokiLines, prometheusQuery, tempoTraceIds } from '../../testkit/backends.ts';
import type { Stack } from '../../testkit/stack.ts';
import { findSpan, type StoredSpan, traceSpans } from '../../testkit/trace-spans.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { dataSource } from '../compose/data-sources.ts';
import { fillVariables } from '../dashboards/fill-variables.ts';
import type { Traffic } from '../dashboards/scripted-traffic.ts';
import { exploredQuery, fillTemplate, followLink, tagMatchers } from './fill-template.ts';

const deadline = { deadlineMs: 60_000, everyMs: 500 };

/**
 * The ways from one store to another, each by the template that Grafana is provisioned with, filled
 * as Grafana fills it.
 */
export function walkCorrelation(stack: () => Stack, traffic: () => Traffic): void {
  const tempo = () => stack().url('tempo');
  const loki = () => stack().url('loki');
  const prometheus = () => stack().url('prometheus');

  it('from a dot beside a metric to its trace', async () => {
    const { exemplar } = await anExemplar();
    const [destination] = dataSource('prometheus').jsonData.exemplarTraceIdDestinations as {
      name: string;
      datasourceUid: string;
    }[];
    assert.equal(destination?.datasourceUid, 'tempo');
    const traceId = exemplar.labels[destination?.name ?? ''];
    assert.match(traceId ?? '', /^[0-9a-f]{32}$/);
    const spans = await waitFor('the trace', () => traceSpans(tempo(), traceId!), deadline);
    assert.ok(spans.some(({ attributes }) => attributes['inference.model.name'] === 'perceptron'));
  });

  it('from a trace to its log lines, and from a line back to its trace', async () => {
    const span = await aServerSpan();
    const { query, tags, datasourceUid } = dataSource('tempo').jsonData.tracesToLogsV2 as {
      query: string;
      tags: { key: string; value?: string }[];
      datasourceUid: string;
    };
    assert.equal(datasourceUid, 'loki');
    const logQl = fillTemplate(query, { __tags: tagMatchers(tags, span.attributes), '__trace.traceId': span.traceId });
    const lines = await waitFor(
      'its lines',
      async () => {
        const found = await lokiLines(loki(), logQl);
        return found.length > 0 && found;
      },
      deadline,
    );
    const [field] = dataSource('loki').jsonData.derivedFields as {
      matcherType: string;
      matcherRegex: string;
      datasourceUid: string;
      url: string;
    }[];
    assert.equal(field?.datasourceUid, 'tempo');
    for (const { labels } of lines) {
      const label = Object.keys(labels).find((name) => new RegExp(field!.matcherRegex).test(name));
      const traceId = fillTemplate(field!.url, { '__value.raw': labels[label ?? ''] ?? '' });
      assert.equal(traceId, span.traceId);
      assert.ok(await traceSpans(tempo(), traceId));
    }
  });

  it('from a trace to the rate, the errors and the duration of its service and model at its time', async () => {
    const span = await aServerSpan();
    const asked = metricsOf(span).filter(({ name }) => !name.startsWith('GPU'));
    assert.equal(asked.length, 5);
    for (const { name, query, atMs } of asked) {
      const found = await waitFor(
        name,
        async () => {
          const samples = await prometheusQuery(prometheus(), query, Math.min(atMs, Date.now()));
          return samples.some(({ value }) => Number.isFinite(value)) && samples;
        },
        deadline,
      );
      if (name === 'Requests of this model') assert.ok(found.some(({ labels }) => labels.status === 'ok'));
    }
  });

  it('from a run on a GPU to what that GPU did then (a span made by the test, the GPU a shim)', async () => {
    const { gpuTraceId, gpuId } = traffic();
    const run = await waitFor(
      'the run',
      async () => findSpan(await traceSpans(tempo(), gpuTraceId), 'inference.run'),
      deadline,
    );
    assert.equal(run.attributes['hw.id'], gpuId);
    const asked = metricsOf(run).filter(({ name }) => name.startsWith('GPU'));
    assert.equal(asked.length, 5);
    for (const { name, query, atMs } of asked) {
      assert.ok(query.includes(`hw_id="${gpuId}"`));
      const samples = await prometheusQuery(prometheus(), query, Math.min(atMs, Date.now()));
      assert.ok(samples.length > 0, `${name}: ${query}`);
    }
    const [utilization] = await prometheusQuery(prometheus(), asked[0]!.query);
    assert.ok(utilization!.value > 0 && utilization!.value < 1);
  });

  it('from a point of a panel to the traces of that model that were slower', async () => {
    const panel = panelOf('inference', 'Duration by model');
    const p95 = panel.queries.find((query) => 'legend' in query && query.legend.endsWith('p95'));
    const shown = await prometheusQuery(prometheus(), fillVariables(p95!.expr, { __rate_interval: '5m' }));
    const point = shown.find(({ labels }) => labels.model === 'perceptron');
    assert.ok(point && Number.isFinite(point.value));
    const { source, query } = exploredQuery(
      followLink(panel.links![0]!.url, {
        '__field.labels.model': point.labels.model!,
        '__value.numeric': String(point.value),
        ...knownEverywhere(),
      }),
    );
    assert.equal(source, 'tempo');
    const found = await searchSpans(query);
    for (const { model, seconds } of found) {
      assert.equal(model, 'perceptron');
      assert.ok(seconds > point.value, `${seconds} s is not more than ${point.value} s`);
    }
    // Every twentieth at least is slower than the 95th percentile, or as slow as its bucket: asked from
    // a little below, there are some.
    assert.ok((await searchSpans(query.replace(/duration > [\d.e-]+s/, `duration > ${point.value / 10}s`))).length > 0);
  });

  it('from an alert to the dashboard, the lines and the traces of its labels, and to what was told of it', async () => {
    const panel = panelOf('logs', 'What fires');
    const row = await waitFor(
      'an alert with a model',
      async () => {
        const rows = await prometheusQuery(prometheus(), panel.queries[0]!.expr);
        return rows.find(({ labels }) => labels.model === 'gather' && labels.alertname === 'ModelFailing');
      },
      deadline,
    );
    const fields = {
      ...Object.fromEntries(
        Object.entries(panel.columns!).map(([label, title]) => [`__data.fields.${title}`, row.labels[label] ?? '']),
      ),
      ...knownEverywhere(),
    };
    const led: string[] = [];
    for (const { title, url } of panel.links!) {
      const to = followLink(url, fields);
      if (to.pathname.startsWith('/d/')) {
        const variables = variablesOf(to.pathname.replace('/d/', ''));
        assert.equal(to.searchParams.get('var-model'), 'gather');
        assert.ok(variables.includes('model'));
        led.push('dashboard');
        continue;
      }
      const { source, query } = exploredQuery(to);
      const count = await waitFor(
        `${title}: ${query}`,
        async () =>
          source === 'loki' ? (await lokiLines(loki(), query)).length : (await tempoTraceIds(tempo(), query)).size,
        deadline,
      );
      assert.ok(count > 0);
      led.push(source);
    }
    assert.deepEqual(led, ['dashboard', 'loki', 'tempo', 'loki']);
  });

  it('from an alert’s own link to a dashboard that there is, with variables that it has', async () => {
    const answer = await fetch(`${prometheus()}/api/v1/alerts`);
    const { data } = (await answer.json()) as {
      data: { alerts: { labels: Record<string, string>; annotations: Record<string, string> }[] };
    };
    const alert = data.alerts.find(({ labels }) => labels.alertname === 'ModelFailing');
    const to = new URL(alert!.annotations.dashboard!);
    const variables = variablesOf(to.pathname.replace('/d/', ''));
    assert.deepEqual(
      [...to.searchParams.keys()].filter((name) => !variables.includes(name.replace('var-', ''))),
      [],
    );
    assert.equal(to.searchParams.get('var-model'), alert?.labels.model);
  });

  async function anExemplar() {
    const panel = panelOf('inference', 'Duration by model');
    const asked = panel.queries.find(({ shape }) => shape === 'exemplars');
    return waitFor(
      'an exemplar',
      async () => {
        const url = new URL('/api/v1/query_exemplars', prometheus());
        url.searchParams.set('query', fillVariables(asked!.expr, { model: 'perceptron' }));
        url.searchParams.set('start', String(Date.now() / 1000 - 900));
        url.searchParams.set('end', String(Date.now() / 1000 + 1));
        const { data } = (await (await fetch(url)).json()) as {
          data: { exemplars: { labels: Record<string, string> }[] }[];
        };
        const [exemplar] = data.flatMap(({ exemplars }) => exemplars);
        return exemplar && { exemplar };
      },
      deadline,
    );
  }

  /** A kept inference request of the perceptron. */
  async function aServerSpan(): Promise<StoredSpan> {
    const [traceId] = await waitFor(
      'a trace',
      async () => {
        const found = await tempoTraceIds(
          tempo(),
          '{ resource.service.name = "vitrine" && kind = server && span.inference.model.name = "perceptron" && span.http.response.status_code = 200 }',
          5,
        );
        return found.size > 0 && [...found];
      },
      deadline,
    );
    return waitFor(
      'its spans',
      async () =>
        (await traceSpans(tempo(), traceId!))?.find(({ attributes }) => attributes['http.route'] !== undefined),
      deadline,
    );
  }

  function metricsOf(span: StoredSpan): { name: string; query: string; atMs: number }[] {
    const { queries, tags } = dataSource('tempo').jsonData.tracesToMetrics as {
      queries: { name: string; query: string }[];
      tags: { key: string; value?: string }[];
    };
    const fields = {
      __tags: tagMatchers(tags, span.attributes),
      __rate_interval: '1m',
      ...Object.fromEntries(Object.entries(span.attributes).map(([key, value]) => [`__span.tags["${key}"]`, value])),
    };
    // A little after it: an export and a scrape later.
    return queries.map(({ name, query }) => ({ name, query: fillTemplate(query, fields), atMs: span.endMs + 10_000 }));
  }

  async function searchSpans(traceQl: string): Promise<{ model: string; seconds: number }[]> {
    const url = new URL('/api/search', tempo());
    url.searchParams.set('q', traceQl);
    url.searchParams.set('limit', '20');
    url.searchParams.set('start', String(Math.floor(Date.now() / 1000) - 900));
    url.searchParams.set('end', String(Math.floor(Date.now() / 1000) + 60));
    const { traces = [] } = (await (await fetch(url)).json()) as {
      traces?: {
        spanSets: {
          spans: { durationNanos: string; attributes?: { key: string; value: { stringValue?: string } }[] }[];
        }[];
      }[];
    };
    return traces.flatMap(({ spanSets }) =>
      spanSets.flatMap(({ spans }) =>
        spans.map(({ durationNanos, attributes = [] }) => ({
          model: attributes.find(({ key }) => key === 'inference.model.name')?.value.stringValue ?? '',
          seconds: Number(durationNanos) / 1e9,
        })),
      ),
    );
  }
}

function panelOf(dashboard: DashboardPlan['name'], title: string): Panel {
  const plan = dashboards.find(({ name }) => name === dashboard);
  const found = plan && panelsOf(plan).find((panel) => panel.title === title);
  if (found === undefined) throw new Error(`There is no panel ${title} in ${dashboard}`);
  return found;
}

/** Of a committed dashboard, by its uid. */
function variablesOf(uid: string): string[] {
  const file = join(import.meta.dirname, '../../grafana/dashboards', `${uid.replace('vitrine-', '')}.json`);
  const { templating, uid: own } = JSON.parse(readFileSync(file, 'utf8')) as {
    uid: string;
    templating: { list: { name: string }[] };
  };
  assert.equal(own, uid);
  return templating.list.map(({ name }) => name);
}

/** What Grafana knows on a dashboard of ours, wherever a link is followed. */
function knownEverywhere() {
  const sources = Object.entries(dataSourceVariables).map(([source, { name }]) => [name, source]);
  return { ...Object.fromEntries(sources), __from: String(Date.now() - 900_000), __to: String(Date.now()) };
}
