import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { DataSource } from '../compose/data-sources.ts';
import { dataSources } from '../compose/data-sources.ts';
import { sendLogs } from './send-otlp.ts';

const streams = ['app', 'audit', 'security'] as const;
const adminToken = 'an-administrator-of-the-tests-alone';

describe('Loki with a tenant for each log stream', function () {
  this.timeout(900_000);
  let stack: Stack;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async () => {
    folder = await temporaryFolder();
    const token = join(folder.path, 'admin-token');
    await writeFile(token, adminToken, { mode: 0o600 });
    stack = await startStack({
      only: ['collector', 'service', 'loki'],
      // The overlay named first: it has the last word all the same.
      env: { VITRINE_BACKENDS: 'loki-by-stream,loki', VITRINE_ADMIN_TOKEN_FILE: token },
    });
    for (const stream of [...streams, undefined]) {
      const line = { body: `a line of ${stream ?? 'nobody'}`, atMs: Date.now() };
      const resource = { 'service.name': 'streams', ...(stream === undefined ? {} : { 'log.stream': stream }) };
      const answer = await sendLogs(`${stack.url('collector')}/v1/logs`, [line], resource);
      assert.equal(answer.status, 200, answer.text);
    }
    await waitFor('all lines', async () => (await lines({ 'x-scope-orgid': 'app|audit|security' })).length === 4);
  });
  after(async () => {
    await stack?.close();
    await folder?.[Symbol.asyncDispose]();
  });

  async function lines(headers: Record<string, string>, from = stack.url('loki')): Promise<string[]> {
    const query = new URLSearchParams({ query: '{service_name="streams"}', since: '1h' });
    if (from !== stack.url('loki')) query.delete('since');
    const answer = await fetch(`${from}/loki/api/v1/query_range?${query}`, { headers });
    const text = await answer.text();
    assert.equal(answer.status, 200, text);
    const { data } = JSON.parse(text) as { data: { result: { values: [string, string][] }[] } };
    return data.result.flatMap(({ values }) => values.map(([, line]) => line)).sort();
  }

  it('keeps each apart, and what names no stream with app', async () => {
    assert.deepEqual(await lines({ 'x-scope-orgid': 'app' }), ['a line of app', 'a line of nobody']);
    assert.deepEqual(await lines({ 'x-scope-orgid': 'audit' }), ['a line of audit']);
    assert.deepEqual(await lines({ 'x-scope-orgid': 'security' }), ['a line of security']);
  });

  it('answers nobody who names no tenant', async () => {
    const answer = await fetch(`${stack.url('loki')}/loki/api/v1/query_range?query=${encodeURIComponent('{a="b"}')}`);
    assert.equal(answer.status, 401);
  });

  it('is read by Grafana’s data sources, each its own part', async () => {
    const file = join(import.meta.dirname, '../../grafana/log-streams.yaml');
    const { datasources } = parse(readFileSync(file, 'utf8')) as { datasources: (DataSource & { orgId: number })[] };
    const headersOf = ({ jsonData, secureJsonData }: DataSource) => ({
      [String(jsonData.httpHeaderName1)]: secureJsonData?.httpHeaderValue1 ?? '',
    });
    const everybodys = dataSources.find(({ uid }) => uid === 'loki');
    assert.deepEqual(await lines(headersOf(everybodys!)), ['a line of app', 'a line of nobody']);
    const found: Record<string, number> = {};
    for (const source of datasources) {
      assert.equal(source.orgId, 2, `${source.uid} would be everybody’s`);
      found[source.uid] = (await lines(headersOf(source))).length;
    }
    assert.deepEqual(found, { 'loki-audit': 1, 'loki-security': 1, 'loki-all': 4 });
  });

  it('is read on the page: app by everybody, all by the administrator', async () => {
    const page = `${stack.url('service')}/backends/loki`;
    assert.deepEqual(await lines({}, page), ['a line of app', 'a line of nobody']);
    assert.equal((await lines({ authorization: `Bearer ${adminToken}` }, page)).length, 4);
  });

  it('has for each the rules that are about it', async () => {
    for (const [stream, alert] of [
      ['app', 'ErrorBurst'],
      ['audit', 'SecretsMasked'],
      ['security', 'SecurityEvent'],
    ] as const) {
      const answer = await fetch(`${stack.url('loki')}/prometheus/api/v1/rules`, {
        headers: { 'x-scope-orgid': stream },
      });
      const { data } = (await answer.json()) as { data: { groups: { rules: { name: string }[] }[] } };
      const names = data.groups.flatMap(({ rules }) => rules.map(({ name }) => name));
      assert.ok(names.includes(alert), `${stream} has ${names.join(', ') || 'no rules'}`);
      assert.equal(names.includes('ErrorBurst'), stream === 'app');
    }
  });
});
