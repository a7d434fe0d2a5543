import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ensureImages, type Images } from '../../launcher/ground/build-images.ts';
import type { CommandFailed } from '../../launcher/run-command.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { lokiLines, prometheusQuery } from '../../testkit/backends.ts';
import { commitBefore } from '../../testkit/ground/commit-before.ts';
import { ComposeGround } from '../../testkit/ground/compose-ground.ts';
import { StoredRequests, service, soon } from '../../testkit/ground/stored-requests.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { dataSources } from '../compose/data-sources.ts';

describe('compose.yaml on a real engine', function () {
  this.timeout(10 * 60_000);
  let ground: ComposeGround;
  let images: Images['images'];
  let requests: StoredRequests;
  /** Without a registry its image cannot be had. */
  let without: string[];

  before(async () => {
    const found = await ensureImages();
    images = found.images;
    without = found.from === 'registry' ? [] : ['--scale=grafana=0'];
    ground = await ComposeGround.start();
    requests = new StoredRequests(ground);
  });

  after(async () => ground?.[Symbol.asyncDispose]());

  it('refuses to start without a secret, in a sentence that names it, and makes nothing', async () => {
    await assert.rejects(
      ground.compose(['up', '--detach'], { VITRINE_API_KEYS_FILE: undefined }),
      (error: CommandFailed) => /Cannot .+VITRINE_API_KEYS_FILE/.test(error.output),
    );
    assert.deepEqual(await ground.left(), []);
  });

  it('refuses to start without its images, names the first one, and makes no container', async () => {
    await assert.rejects(ground.up(without), (error: CommandFailed) =>
      /No such image: \S+:\S+|image \S+ not found/i.test(error.output),
    );
    // Compose makes networks and volumes before it looks for images.
    await ground.compose(['down', '--volumes']);
    assert.deepEqual(await ground.left(), []);
  });

  it('is upgraded from the commit before, with every volume: what was stored stays', async function () {
    const older = await commitBefore({});
    await using before = availableOrSkip(this as never, older);
    await ground.load(before.images);
    const { files } = ground;
    ground.files = [join(before.folder, 'compose.yaml')];
    await ground.explained(ground.up([...without, '--scale=containers=0']));
    await requests.ask();
    await requests.untilStored();
    const volumes = (await ground.left()).filter((line) => line.startsWith('volume'));
    ground.files = files;
    await ground.load(images);
    await ground.explained(ground.up(without));
    const later = (await ground.left()).filter((line) => line.startsWith('volume'));
    assert.deepEqual(
      volumes.filter((line) => !later.includes(line)),
      [],
    );
    const { id } = images.find(({ name }) => name.startsWith('vitrine:'))!;
    assert.equal(await ground.inspect('service', '{{.Image}}'), id);
    await requests.untilStored();
  });

  it('is healthy, all of it, on this machine’s processors and Debian’s engine', async () => {
    await ground.load(images);
    await ground.explained(ground.up(without));
    const states = await ground.compose(['ps', '--format', '{{.Service}} {{.Health}}']);
    const wanted = ['service', 'receiver', 'collector', 'containers', 'prometheus', 'tempo', 'loki', 'alertmanager'];
    if (without.length === 0) wanted.push('grafana');
    assert.deepEqual(states.trim().split('\n').sort(), wanted.map((name) => `${name} healthy`).sort());
  });

  it('shows a request in every store: its trace, its log line and its count', async () => {
    await requests.ask();
    await requests.untilStored();
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

  it('measures what each container takes', async () => {
    const prometheus = await ground.url('prometheus', 9090);
    const names = await waitFor(
      'the memory of every container',
      async () => {
        const found = await prometheusQuery(prometheus, 'container_memory_usage_total_bytes{job="containers"} > 0');
        const all = new Set(found.map(({ labels }) => labels.instance));
        return all.has('vitrine-service-1') && all.has('vitrine-loki-1') && all;
      },
      soon,
    );
    assert.ok(names.size >= 8, [...names].join());
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
    await ground.askFrom(
      'stores',
      dataSources.map(({ uid, url }) => `${url}${ready[uid] ?? '/ready'}`),
    );
  });

  it('publishes no store and nothing beyond loopback', async () => {
    const ports = await ground.compose([
      'ps',
      '--format',
      '{{range .Publishers}}{{if .PublishedPort}}{{.URL}}:{{.PublishedPort}} {{end}}{{end}}',
    ]);
    assert.deepEqual(ports.split(/\s+/).filter(Boolean).sort(), [
      ...(without.length === 0 ? ['127.0.0.1:3000'] : []),
      '127.0.0.1:8000',
      '127.0.0.1:8001',
      '127.0.0.1:8010',
    ]);
  });

  it('starts a service that is killed again, and counts what it answered before and after', async () => {
    await requests.ask();
    await requests.untilStored();
    await ground.kill('service');
    await ground.untilHealthy('service');
    await requests.ask();
    await requests.untilStored();
  });

  it('delivers what was answered while the Collector was killed', async () => {
    const collector = await ground.container('collector');
    await ground.engine.docker(['kill', collector]);
    for (let count = 0; count < 5; count++) await requests.ask();
    await ground.engine.docker(['start', collector]);
    await requests.untilStored();
  });

  it('leaves nothing but its volumes after down', async () => {
    await ground.compose(['down']);
    assert.deepEqual(
      (await ground.left()).filter((line) => !line.startsWith('volume')),
      [],
    );
  });

  it('names the port that another program has, and starts with every trace, line and count once it is free', async () => {
    const other = createServer().listen(8000, '127.0.0.1');
    await once(other, 'listening');
    try {
      await assert.rejects(ground.up(without), (error: CommandFailed) =>
        /127\.0\.0\.1:8000.*(already|in use)|(already|in use).*8000/is.test(error.output),
      );
    } finally {
      other.close();
      await once(other, 'close');
    }
    await ground.explained(ground.up(without));
    await requests.untilStored();
    await requests.ask();
    await requests.untilStored();
  });

  for (const [setting, program] of [
    ['VITRINE_API_KEYS_FILE', 'service'],
    ['VITRINE_ADMIN_TOKEN_FILE', 'service'],
    ['VITRINE_RECEIVER_ALERTS_TOKEN_FILE', 'receiver'],
  ] as const)
    it(`does not start the ${program} on an empty ${setting}, and says which file to correct`, async () => {
      const empty = join(ground.engine.folder, 'empty');
      await writeFile(empty, '');
      // The one that runs holds the data folder.
      await ground.compose(['stop', program]);
      const before = await ground.left();
      await assert.rejects(
        ground.compose(['run', '--rm', '--no-deps', '--no-TTY', program], { [setting]: empty }),
        (error: CommandFailed) => new RegExp(`Cannot use ${setting}: .+; .+`).test(error.output),
      );
      assert.deepEqual(await ground.left(), before);
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
    // The image with CUDA takes 3 GB from PyPI. What is missing here is said before it would run.
    await ground.engine.docker(['tag', 'vitrine:0.1.0', 'vitrine-cuda:0.1.0']);
    await assert.rejects(ground.up([...without, '--scale=service=0'], ['--profile', 'gpu']), (error: CommandFailed) =>
      /could not select device driver "nvidia"/.test(error.output),
    );
    assert.equal(await ground.inspect('loki', '{{.State.Health.Status}}'), 'healthy');
  });

  it('leaves nothing on the engine after down --volumes', async () => {
    await ground.compose(['--profile', 'monitoring', '--profile', 'gpu', 'down', '--volumes', '--remove-orphans']);
    assert.deepEqual(await ground.left(), []);
  });
});

function logOf(name: string, text: string): object {
  const attributes = [{ key: 'service.name', value: { stringValue: name } }];
  const record = { timeUnixNano: `${Date.now()}000000`, severityText: 'INFO', body: { stringValue: text } };
  return { resourceLogs: [{ resource: { attributes }, scopeLogs: [{ logRecords: [record] }] }] };
}
