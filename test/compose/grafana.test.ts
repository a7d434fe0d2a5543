import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { dataSources } from './data-sources.ts';

const root = join(import.meta.dirname, '../..');

describe('Grafana’s provisioning', () => {
  it('has the four stores, each once, Prometheus as the default, none changed by hand', () => {
    assert.deepEqual(dataSources.map(({ type }) => type).sort(), ['alertmanager', 'loki', 'prometheus', 'tempo']);
    assert.deepEqual(
      dataSources.filter(({ isDefault }) => isDefault).map(({ uid }) => uid),
      ['prometheus'],
    );
    for (const source of dataSources) assert.equal(source.editable, false);
  });

  it('leads from one store to another only by a uid that exists', () => {
    const known = new Set(dataSources.map(({ uid }) => uid));
    const named = JSON.stringify(dataSources).matchAll(/"(?:datasourceUid|alertmanagerUid)":"([^"]+)"/g);
    const uids = [...named].map(([, uid]) => uid!);
    assert.ok(uids.length >= 7);
    for (const uid of uids) assert.ok(known.has(uid), `there is no data source ${uid}`);
  });

  it('leads from a metric to its trace, from a span to its lines and metrics, from a line to its trace', () => {
    const of = (uid: string) => dataSources.find((source) => source.uid === uid)?.jsonData ?? {};
    assert.deepEqual(of('prometheus').exemplarTraceIdDestinations, [{ name: 'trace_id', datasourceUid: 'tempo' }]);
    const [field] = of('loki').derivedFields as Record<string, string>[];
    assert.equal(field?.matcherType, 'label');
    assert.equal(field?.matcherRegex, 'trace_id');
    assert.match(field?.url ?? '', /^\$\$\{__value\.raw\}$/);
    assert.match(
      String((of('tempo').tracesToLogsV2 as Record<string, unknown>).query),
      /trace_id = "\$\$\{__trace\.traceId\}"/,
    );
    assert.ok((of('tempo').tracesToMetrics as { queries: unknown[] }).queries.length > 0);
    assert.deepEqual(of('tempo').nodeGraph, { enabled: true });
  });

  it('escapes every $ that is meant for the browser, since Grafana reads its own environment here', () => {
    const text = readFileSync(join(root, 'grafana/provisioning/datasources/datasources.yaml'), 'utf8');
    const withoutComments = text.replaceAll(/^\s*#.*$/gm, '');
    assert.deepEqual(withoutComments.match(/(?<!\$)\$(?!\$)[{\w]\w*/g), null);
  });

  it('takes the dashboards from where compose.yaml mounts grafana/dashboards', () => {
    const { providers } = parse(
      readFileSync(join(root, 'grafana/provisioning/dashboards/dashboards.yaml'), 'utf8'),
    ) as { providers: { options: { path: string } }[] };
    const mounts = readFileSync(join(root, 'compose.yaml'), 'utf8');
    assert.ok(existsSync(join(root, 'grafana/dashboards')));
    for (const { options } of providers) assert.ok(mounts.includes(`./grafana/dashboards:${options.path}:ro`));
  });
});
