import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { defaultComponents } from '../../launcher/components.ts';
import { launchOf } from '../../launcher/launch-of.ts';
import { standInFor } from '../../launcher/stand-in.ts';
import { readConfig } from '../../src/config.ts';
import { asMetricsql } from '../../src/stores/dialects/metricsql.ts';
import { store, storeFor, storeNames } from '../../src/stores/stores.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { type DataSource, dataSource } from '../compose/data-sources.ts';

const withBackends = (backends: string, more: Record<string, string> = {}) =>
  readConfig({ VITRINE_BACKENDS: backends, ...more });

describe('the stores', () => {
  it('are asked by the order in VITRINE_BACKENDS, and by default the first set', () => {
    assert.equal(storeFor('metrics', { backends: 'jaeger,victoriametrics, prometheus' }), 'victoriametrics');
    assert.equal(storeFor('traces', { backends: 'jaeger,tempo' }), 'jaeger');
    assert.equal(storeFor('metrics', { backends: 'prometheus-scrape,victoriametrics' }), 'prometheus');
    assert.deepEqual(
      (['metrics', 'traces', 'logs'] as const).map((signal) => storeFor(signal, { backends: 'otlp' })),
      ['prometheus', 'tempo', 'loki'],
    );
  });

  it('start when VITRINE_BACKENDS names them, with what evaluates their rules', () => {
    const names = defaultComponents(withBackends('victoriametrics,jaeger,victorialogs'));
    for (const name of [
      'victoriametrics',
      'vmalert',
      'jaeger',
      'victorialogs',
      'vmalert-logs',
      'alertmanager',
    ] as const)
      assert.ok(names.includes(name), name);
    for (const name of ['prometheus', 'tempo', 'loki'] as const) assert.ok(!names.includes(name), name);
  });

  it('are scraped when they run, by whichever store of metrics runs, in its own words', async () => {
    await using folder = await temporaryFolder();
    const root = join(import.meta.dirname, '../..');
    const jobsOf = async (name: 'prometheus' | 'victoriametrics', backends: string) => {
      const context = { root, data: folder.path, config: withBackends(backends) };
      await launchOf(name, { context, env: {}, binaries: '', onNote: () => undefined });
      const file = name === 'prometheus' ? 'prometheus.yaml' : 'scrape.yaml';
      const text = readFileSync(join(folder.path, name, 'configuration', file), 'utf8');
      const { scrape_configs: jobs } = parse(text) as { scrape_configs: Record<string, unknown>[] };
      return { names: jobs.map(({ job_name: job }) => job).sort(), text };
    };
    const first = await jobsOf('prometheus', 'prometheus,tempo,loki');
    assert.deepEqual(first.names, ['alertmanager', 'collector', 'loki', 'prometheus', 'tempo']);
    const mixed = await jobsOf('prometheus', 'prometheus,jaeger,victorialogs');
    assert.deepEqual(mixed.names, [
      'alertmanager',
      'collector',
      'jaeger',
      'prometheus',
      'victorialogs',
      'vmalert-logs',
    ]);
    assert.ok(mixed.text.includes('replacement: jaeger_$1'));
    const other = await jobsOf('victoriametrics', 'victoriametrics,tempo,loki');
    assert.deepEqual(other.names, ['alertmanager', 'collector', 'loki', 'tempo', 'victoriametrics', 'vmalert']);
    assert.ok(!other.text.includes('metric_name_validation_scheme'));
  });

  it('do not start here when a setting places them on another machine', () => {
    const names = defaultComponents(withBackends('prometheus,jaeger', { VITRINE_JAEGER_HOST: 'jaeger.example.com' }));
    assert.ok(names.includes('prometheus'));
    assert.ok(!names.includes('jaeger'));
  });

  it('have a stand-in of the same signal, and a sentence that says how to take it', () => {
    for (const name of storeNames) {
      const { signal, standIn } = store(name);
      assert.equal(store(storeNames.find((one) => one === standIn)!).signal, signal);
    }
    assert.equal(
      standInFor('tempo', withBackends('prometheus,tempo,loki')),
      ' Where it cannot be had, Jaeger can stand in: VITRINE_BACKENDS=prometheus,jaeger,loki',
    );
    assert.equal(standInFor('collector', withBackends('prometheus')), '');
  });

  it('have data sources for Grafana that ask what those of the first set ask, in their own words', () => {
    const text = readFileSync(join(import.meta.dirname, '../../grafana/victoria.yaml'), 'utf8');
    const { datasources } = parse(text) as { datasources: DataSource[] };
    type Queries = { queries: { name: string; query: string }[] };
    const jaeger = datasources.find(({ uid }) => uid === 'jaeger')!.jsonData.tracesToMetrics as Queries;
    const tempo = dataSource('tempo').jsonData.tracesToMetrics as Queries;
    assert.deepEqual(
      jaeger.queries,
      tempo.queries.map(({ name, query }) => ({ name, query: asMetricsql(query) })),
    );
    const uids = new Set([...datasources.map(({ uid }) => uid), 'alertmanager']);
    for (const [, uid] of text.matchAll(/(?:datasourceUid|alertmanagerUid): (\w+)/g)) assert.ok(uids.has(uid!), uid);
    assert.deepEqual(text.replaceAll(/^\s*#.*$/gm, '').match(/(?<!\$)\$(?!\$)[{\w]\w*/g), null);
  });
});
