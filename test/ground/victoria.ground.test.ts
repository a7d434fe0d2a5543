import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ensureImages } from '../../launcher/ground/build-images.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { ComposeGround } from '../../testkit/ground/compose-ground.ts';
import { secondStores } from '../../testkit/ground/second-stores.ts';
import { askInference, service, soon } from '../../testkit/ground/stored-requests.ts';
import { unbuiltServers } from '../../testkit/unbuilt-servers.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const root = join(import.meta.dirname, '../..');

describe('compose/victoria.yaml on a real engine', function () {
  this.timeout(10 * 60_000);
  let ground: ComposeGround;
  let without: string[];
  const traceIds: string[] = [];

  before(async function () {
    const unavailable = await unbuiltServers(secondStores);
    availableOrSkip(this as never, unavailable === undefined ? {} : { unavailable });
    const { images, from } = await ensureImages({ backends: secondStores });
    without = from === 'registry' ? [] : ['--scale=grafana=0'];
    ground = await ComposeGround.start();
    ground.files = [join(root, 'compose.yaml'), join(root, 'compose/victoria.yaml')];
    await ground.load(images);
  });

  after(async () => ground?.[Symbol.asyncDispose]());

  it('is healthy, all of it, without one server of the first set', async () => {
    await ground.explained(ground.up(without));
    const states = await ground.compose(['ps', '--format', '{{.Service}} {{.Health}}']);
    const ours = ['service', 'receiver', 'collector', 'containers', 'alertmanager'];
    const stores = ['victoriametrics', 'vmalert', 'jaeger', 'victorialogs', 'vmalert-logs'];
    const wanted = [...ours, ...stores, ...(without.length === 0 ? ['grafana'] : [])];
    assert.deepEqual(states.trim().split('\n').sort(), wanted.map((name) => `${name} healthy`).sort());
  });

  it('shows a request to the page in every store: its trace, its line and its count', async () => {
    traceIds.push(await askInference(ground.apiKey));
    await untilStored();
  });

  it('shows the page', async () => {
    const page = await fetch(`${service}/`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<title>.*Vitrine/);
  });

  it('has every rule without an error, and an alert of vmalert at Alertmanager', async () => {
    const { data } = (await askPage('prometheus/api/v1/rules', { type: 'alert' })) as {
      data: { groups: { rules: { name: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 70, String(rules.length));
    assert.deepEqual(
      rules.filter(({ lastError = '' }) => lastError !== '').map(({ name, lastError }) => `${name}: ${lastError}`),
      [],
    );
    await waitFor(
      'Watchdog',
      async () => JSON.stringify(await askPage('alertmanager/api/v2/alerts', {})).includes('"Watchdog"'),
      soon,
    );
  });

  it('answers at the address of each data source of Grafana, from Grafana’s network', async () => {
    const { datasources } = parse(readFileSync(join(root, 'grafana/victoria.yaml'), 'utf8')) as {
      datasources: { uid: string; url: string }[];
    };
    const paths: Record<string, string> = { jaeger: '/api/services' };
    await ground.askFrom(
      'stores',
      datasources.map(({ uid, url }) => `${url}${paths[uid] ?? '/health'}`),
    );
  });

  it('has every trace, line and count after down and up: the volumes stay', async () => {
    await ground.compose(['down']);
    await ground.explained(ground.up(without));
    await untilStored();
    traceIds.push(await askInference(ground.apiKey));
    await untilStored();
  });

  it('leaves nothing on the engine after down --volumes', async () => {
    await ground.compose(['down', '--volumes', '--remove-orphans']);
    assert.deepEqual(await ground.left(), []);
  });

  /** Asked as the page asks, in the languages of the first set. */
  async function untilStored(): Promise<void> {
    const query = 'sum(increase(http_requests_total{endpoint="/v2/models/:model/infer"}[1h]))';
    await waitFor(
      'the count',
      async () => {
        const { data } = (await askPage('prometheus/api/v1/query', { query })) as {
          data: { result: { value: [number, string] }[] };
        };
        return Number(data.result[0]?.value[1]) === traceIds.length;
      },
      soon,
    );
    for (const traceId of traceIds) {
      await waitFor(
        `the trace ${traceId}`,
        async () => JSON.stringify(await askPage(`tempo/api/v2/traces/${traceId}`, {})).includes('"spans"'),
        soon,
      );
      await waitFor(
        `the lines of ${traceId}`,
        async () => {
          const found = (await askPage('loki/loki/api/v1/query_range', {
            query: `{service_name="vitrine"} | trace_id="${traceId}"`,
            start: `${Date.now() - 3_600_000}000000`,
            end: `${Date.now() + 5_000}000000`,
          })) as { data: { result: unknown[] } };
          return found.data.result.length > 0;
        },
        soon,
      );
    }
  }

  async function askPage(path: string, parameters: Record<string, string>): Promise<unknown> {
    const answer = await fetch(`${service}/backends/${path}?${new URLSearchParams(parameters)}`, {
      headers: { authorization: `Bearer ${ground.apiKey}` },
    });
    const text = await answer.text();
    assert.equal(answer.status, 200, `${path}: ${text}`);
    return JSON.parse(text);
  }
});
