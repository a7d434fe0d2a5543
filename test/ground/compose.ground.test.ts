import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { ensureImages } from '../../launcher/ground/build-images.ts';
import type { CommandFailed } from '../../launcher/ground/run-command.ts';
import { countedInAll, lokiLines, prometheusQuery } from '../../testkit/backends.ts';
import { ComposeGround } from '../../testkit/ground/compose-ground.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { dataSources } from '../compose/data-sources.ts';
import { traceSpans } from '../correlation/trace-spans.ts';

const service = 'http://127.0.0.1:8000';
const soon = { deadlineMs: 180_000, everyMs: 500 };
const inference = JSON.stringify({
  inputs: [
    { name: 'field', datatype: 'FP32', shape: [1, 2, 2], data: [0.1, -0.3, 0.2, 0.5] },
    { name: 'previous_estimate', datatype: 'FP32', shape: [1, 2, 2], data: [0, 0, 0, 0] },
    { name: 'spectrum', datatype: 'FP32', shape: [2, 2], data: [1, 1, 1, 1] },
    ...Object.entries({ signal: 0.9, noise: 0.4, keep: 0.9, pull: 0.1, momentum: 0 }).map(([name, value]) => ({
      name,
      datatype: 'FP32',
      shape: [1],
      data: [value],
    })),
  ],
});

describe('compose.yaml on a real engine', function () {
  this.timeout(10 * 60_000);
  let ground: ComposeGround;
  /** Neither image can be had without a registry: Grafana’s, and a Collector that reads Docker. */
  let without: string[];
  let answered = 0;
  const traceIds: string[] = [];

  before(async () => {
    const { images, from } = await ensureImages();
    without = from === 'registry' ? [] : ['--scale=grafana=0', '--scale=containers=0'];
    ground = await ComposeGround.start(images);
  });

  after(async () => ground?.[Symbol.asyncDispose]());

  it('refuses to start without a secret, in a sentence that names it, and makes nothing', async () => {
    await assert.rejects(
      ground.compose(['up', '--detach'], { VITRINE_API_KEYS_FILE: undefined }),
      (error: CommandFailed) => /Cannot .+VITRINE_API_KEYS_FILE/.test(error.output),
    );
    assert.deepEqual(await leftOnEngine(), []);
  });

  it('is healthy, all of it, on this machine’s processors and Debian’s engine', async () => {
    try {
      await ground.up(without);
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${await ground.logs()}`, { cause: error });
    }
    const states = await ground.compose(['ps', '--format', '{{.Service}} {{.Health}}']);
    const wanted = ['service', 'receiver', 'collector', 'prometheus', 'tempo', 'loki', 'alertmanager'];
    assert.deepEqual(states.trim().split('\n').sort(), wanted.map((name) => `${name} healthy`).sort());
  });

  it('shows a request in every store: its trace, its log line and its count', async () => {
    await ask();
    await untilStored();
  });

  it('shows the page, which asks the stores through the service', async () => {
    const page = await fetch(`${service}/`);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<title>.*Vitrine/);
    const url = `${service}/backends/prometheus/api/v1/query?query=${encodeURIComponent('sum(http_requests_total)')}`;
    const answer = await fetch(url, { headers: { authorization: `Bearer ${ground.apiKey}` } });
    assert.equal(answer.status, 200, await answer.clone().text());
    assert.ok(((await answer.json()) as { data: { result: unknown[] } }).data.result.length > 0);
    assert.equal((await fetch(url)).status, 401);
  });

  it('brings an alert from Alertmanager to the receiver, with its token', async () => {
    const alert = { labels: { alertname: 'LaneStuck', severity: 'critical', instance: 'ground' } };
    const sent = await fetch(`${await ground.url('alertmanager', 9093)}/api/v2/alerts`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify([alert]),
    });
    assert.equal(sent.status, 200);
    await waitFor(
      'the alert at the receiver',
      async () => {
        const answer = await fetch('http://127.0.0.1:8010/alerts', {
          headers: { authorization: `Bearer ${ground.alertsToken}` },
        });
        return (await answer.text()).includes('"ground"');
      },
      soon,
    );
  });

  it('answers at the address of each data source of Grafana, from Grafana’s network', async () => {
    const ready: Record<string, string> = { prometheus: '/-/ready', alertmanager: '/-/ready' };
    const image = await ground.inspect('service', '{{.Config.Image}}');
    for (const { uid, url } of dataSources) {
      const ask = `const answer = await fetch('${url}${ready[uid] ?? '/ready'}'); if (!answer.ok) process.exitCode = 1;`;
      const parameters = ['--input-type=module', '--eval', ask];
      await ground.engine.docker(['run', '--rm', '--network=vitrine_stores', image, 'node', ...parameters]);
    }
  });

  it('publishes no store and nothing beyond loopback', async () => {
    const ports = await ground.compose([
      'ps',
      '--format',
      '{{range .Publishers}}{{if .PublishedPort}}{{.URL}}:{{.PublishedPort}} {{end}}{{end}}',
    ]);
    assert.deepEqual(ports.split(/\s+/).filter(Boolean).sort(), ['127.0.0.1:8000', '127.0.0.1:8010']);
  });

  it('starts a service that is killed again, and counts what it answered before and after', async () => {
    await ask();
    await untilStored();
    await ground.kill('service');
    await ground.untilHealthy('service');
    await ask();
    await untilStored();
  });

  it('delivers what was answered while the Collector was killed', async () => {
    const collector = await ground.container('collector');
    await ground.engine.docker(['kill', collector]);
    for (let count = 0; count < 5; count++) await ask();
    await ground.engine.docker(['start', collector]);
    await untilStored();
  });

  it('has every trace, line and count after down and up: the volumes stay', async () => {
    await ground.compose(['down']);
    assert.deepEqual(
      (await leftOnEngine()).filter((line) => !line.startsWith('volume')),
      [],
    );
    await ground.up(without);
    await untilStored();
    await ask();
    await untilStored();
  });

  it('takes telemetry from a service of one’s own with the profile monitoring', async () => {
    await ground.up([...without, '--scale=service=0'], ['--profile', 'monitoring']);
    const states = (await ground.compose(['--profile', 'monitoring', 'ps', '--format', '{{.Service}}'])).split('\n');
    assert.ok(states.includes('otlp') && !states.includes('service'), states.join());
    const sent = await fetch('http://127.0.0.1:4318/v1/logs', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(logOf('my-own-service', 'a line of its own')),
    });
    assert.equal(sent.status, 200, await sent.text());
    const loki = await ground.url('loki', 3100);
    await waitFor(
      'its line in Loki',
      async () =>
        (await lokiLines(loki, '{service_name="my-own-service"}')).some(({ line }) => line.includes('of its own')),
      soon,
    );
  });

  it('says with the profile gpu what is missing where there is no GPU, and stops nothing else', async () => {
    await assert.rejects(ground.up([...without, '--scale=service=0'], ['--profile', 'gpu']), (error: CommandFailed) =>
      /could not select device driver "nvidia"/.test(error.output),
    );
    assert.equal(await ground.inspect('loki', '{{.State.Health.Status}}'), 'healthy');
  });

  it('leaves nothing on the engine after down --volumes', async () => {
    await ground.compose(['--profile', 'monitoring', '--profile', 'gpu', 'down', '--volumes', '--remove-orphans']);
    assert.deepEqual(await leftOnEngine(), []);
  });

  /** An inference whose trace is stored. */
  async function ask(): Promise<void> {
    const traceId = randomBytes(16).toString('hex');
    const answer = await fetch(`${service}/v2/models/gaussian-field/infer`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: `Bearer ${ground.apiKey}`,
        traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
        'x-vitrine-trace': '1',
      },
      body: inference,
    });
    assert.equal(answer.status, 200, await answer.text());
    answered += 1;
    traceIds.push(traceId);
  }

  /** Until every request that was answered is in all three stores, once. */
  async function untilStored(): Promise<void> {
    const [prometheus, tempo, loki] = [
      await ground.url('prometheus', 9090),
      await ground.url('tempo', 3200),
      await ground.url('loki', 3100),
    ];
    const counter = 'http_requests_total{endpoint="/v2/models/:model/infer"}';
    await waitFor(
      'the count in Prometheus',
      async () => (await countedInAll(prometheus, counter)) === answered,
      soon,
    ).catch(async (error: Error) => {
      const found = await prometheusQuery(prometheus, 'http_requests_total');
      throw new Error(`${error.message}: ${answered} were answered, and it has ${JSON.stringify(found)}`, {
        cause: error,
      });
    });
    for (const traceId of traceIds) {
      await waitFor(`the trace ${traceId}`, async () => (await traceSpans(tempo, traceId)) !== undefined, soon);
      await waitFor(
        `the lines of ${traceId}`,
        async () => (await lokiLines(loki, `{service_name="vitrine"} | trace_id="${traceId}"`)).length > 0,
        soon,
      );
    }
  }

  async function leftOnEngine(): Promise<string[]> {
    const list = async (kind: string, ...parameters: string[]) =>
      (await ground.engine.docker(parameters))
        .split('\n')
        .filter((name) => name !== '' && !['bridge', 'host', 'none'].includes(name))
        .map((name) => `${kind} ${name}`);
    return [
      ...(await list('container', 'ps', '--all', '--format', '{{.Names}}')),
      ...(await list('network', 'network', 'ls', '--format', '{{.Name}}')),
      ...(await list('volume', 'volume', 'ls', '--format', '{{.Name}}')),
    ];
  }
});

function logOf(name: string, text: string): object {
  const attributes = [{ key: 'service.name', value: { stringValue: name } }];
  const record = { timeUnixNano: `${Date.now()}000000`, severityText: 'INFO', body: { stringValue: text } };
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: [record] }] }] };
}
