import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { dataSource } from '../compose/data-sources.ts';
import { sendLogs } from './send-otlp.ts';

const hourMs = 3_600_000;
const resource = {
  'service.name': 'vitrine',
  'service.instance.id': 'a',
  'service.version': '1.2.3',
  'host.name': 'here',
  'deployment.environment.name': 'test',
  'log.stream': 'app',
};

describe('Loki as configured', function () {
  this.timeout(900_000);
  let stack: Stack;
  let otlp: string;

  before(async () => {
    stack = await startStack({ only: ['loki'] });
    otlp = `${stack.url('loki')}/otlp/v1/logs`;
  });
  after(() => stack?.close());

  it('makes labels of service, environment and log stream only, and finds the rest as structured metadata', async () => {
    const own = { ...resource, 'service.name': 'labels' };
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const lines = [
      { body: 'with a trace', atMs: Date.now(), traceId, attributes: { 'http.route': '/v2' } },
      { body: 'without', atMs: Date.now() },
    ];
    assert.deepEqual(await sendLogs(otlp, lines, own), { status: 204, text: '' });

    const series = (await ask(stack, '/loki/api/v1/series', { 'match[]': '{service_name="labels"}' })) as unknown[];
    assert.deepEqual(series, [{ service_name: 'labels', deployment_environment_name: 'test', log_stream: 'app' }]);
    const query = `{service_name="labels"} | trace_id="${traceId}" | http_route="/v2" | service_instance_id="a"`;
    assert.deepEqual(await linesOf(stack, query), ['with a trace']);
  });

  it('finds the lines of a trace with the query that Grafana is given for it', async () => {
    const traceId = '00f067aa0ba902b74bf92f3577b34da6';
    const own = { ...resource, 'service.name': 'grafana' };
    await sendLogs(
      otlp,
      [
        { body: 'of the trace', atMs: Date.now(), traceId },
        { body: 'of none', atMs: Date.now() },
      ],
      own,
    );
    const { query } = dataSource('tempo').jsonData.tracesToLogsV2 as { query: string };
    const asked = query
      .replaceAll('$$', '$')
      .replace(/\$\{__tags\}/, 'service_name="grafana"')
      .replace(/\$\{__trace\.traceId\}/, traceId);
    assert.deepEqual(await linesOf(stack, asked), ['of the trace']);
  });

  it('takes the backlogs of two instances that share a stream, each behind the other’s newest line', async () => {
    const nowMs = Date.now();
    const send = (instance: string, hoursAgo: readonly number[]) =>
      sendLogs(
        otlp,
        hoursAgo.map((hours) => ({ body: `${instance} ${hours} h ago`, atMs: nowMs - hours * hourMs })),
        { ...resource, 'service.name': 'backlogs', 'service.instance.id': instance },
      );
    // One is up to date at once; the other comes with twelve hours of spool, newest part first, then
    // one more from the first.
    for (const [instance, hoursAgo] of [
      ['a', [0]],
      ['b', [6, 1]],
      ['b', [12, 7]],
      ['a', [11]],
    ] as const) {
      assert.deepEqual(await send(instance, hoursAgo), { status: 204, text: '' });
    }
    assert.deepEqual((await linesOf(stack, '{service_name="backlogs"}')).sort(), [
      'a 0 h ago',
      'a 11 h ago',
      'b 1 h ago',
      'b 12 h ago',
      'b 6 h ago',
      'b 7 h ago',
    ]);
  });

  it('refuses a line from before the horizon, counts it, and stores its neighbours', async () => {
    const nowMs = Date.now();
    const own = { ...resource, 'service.name': 'refused' };
    await sendLogs(otlp, [{ body: 'newest', atMs: nowMs }], own);
    const lines = [
      { body: 'too old', atMs: nowMs - 14 * hourMs },
      { body: 'neighbour', atMs: nowMs - hourMs },
    ];
    assert.equal((await sendLogs(otlp, lines, own)).status, 400);
    assert.deepEqual((await linesOf(stack, '{service_name="refused"}')).sort(), ['neighbour', 'newest']);
    const metrics = await (await fetch(`${stack.url('loki')}/metrics`)).text();
    assert.match(metrics, /^loki_discarded_samples_total\{.*reason="too_far_behind".*\} [1-9]/m);
  });

  for (const [logStream, hours] of [
    ['app', 30 * 24],
    ['audit', 365 * 24],
    ['security', 365 * 24],
  ] as const) {
    it(`keeps ${logStream} lines for ${hours / 24} days`, async () => {
      // Loki says of each line it refuses how long it would have kept it.
      const own = { ...resource, 'service.name': `kept-${logStream}`, 'log.stream': logStream };
      const before = await refusedWithRetention(stack, hours);
      await sendLogs(otlp, [{ body: 'newest', atMs: Date.now() }], own);
      await sendLogs(otlp, [{ body: 'too old', atMs: Date.now() - 14 * hourMs }], own);
      assert.equal(await refusedWithRetention(stack, hours), before + 1);
    });
  }

  it('cuts a line that is too long, marks it, and keeps it', async () => {
    const own = { ...resource, 'service.name': 'long' };
    const answer = await sendLogs(otlp, [{ body: 'x'.repeat(300_000), atMs: Date.now() }], own);
    assert.equal(answer.status, 204);
    const [line] = await linesOf(stack, '{service_name="long"}');
    assert.match(line!, /^x{200000,} \[cut by Loki: max_line_size\]$/);
  });

  it('takes a burst of fifty megabytes without refusing any of it', async () => {
    const own = { ...resource, 'service.name': 'burst' };
    const body = 'y'.repeat(1000);
    const startMs = Date.now() - hourMs;
    for (let batch = 0; batch < 25; batch++) {
      const lines = Array.from({ length: 2000 }, (_, index) => ({
        body: `${batch}.${index} ${body}`,
        atMs: startMs + batch * 2000 + index,
      }));
      assert.deepEqual(await sendLogs(otlp, lines, own), { status: 204, text: '' });
    }
    await waitFor('all lines of the burst', async () => {
      const query = 'sum(count_over_time({service_name="burst"}[2h]))';
      const counted = (await ask(stack, '/loki/api/v1/query', { query })) as { result: { value: [number, string] }[] };
      return counted.result[0]?.value[1] === '50000';
    });
  });

  it('keeps what it acknowledged through kill -9', async () => {
    const own = { ...resource, 'service.name': 'killed' };
    const lines = Array.from({ length: 500 }, (_, index) => ({ body: `line ${index}`, atMs: Date.now() - index }));
    assert.equal((await sendLogs(otlp, lines, own)).status, 204);
    await stack.kill('loki');
    await stack.start('loki');
    const kept = await waitFor('the lines after the restart', async () => {
      const found = await linesOf(stack, '{service_name="killed"}');
      return found.length > 0 && found;
    });
    assert.equal(new Set(kept).size, lines.length);
  });

  it('has a ruler that reads the rules folder', async () => {
    const answer = await fetch(`${stack.url('loki')}/prometheus/api/v1/rules`);
    assert.equal(answer.status, 200);
    const { data } = (await answer.json()) as {
      data: { groups: { name: string; interval: number; rules: { name: string; labels: object }[] }[] };
    };
    const file = await readFile(new URL('../../loki/rules/fake/logs.yaml', import.meta.url), 'utf8');
    const { groups } = parse(file) as { groups: { name: string; rules: { alert: string; labels: object }[] }[] };
    assert.ok(groups.length > 0);
    assert.deepEqual(
      data.groups.map(({ name, rules }) => ({ name, rules: rules.map(({ name, labels }) => ({ name, labels })) })),
      groups.map(({ name, rules }) => ({ name, rules: rules.map(({ alert, labels }) => ({ name: alert, labels })) })),
    );
  });
});

async function linesOf(stack: Stack, query: string): Promise<string[]> {
  const answer = (await ask(stack, '/loki/api/v1/query_range', { query, limit: '5000' })) as {
    result: { values: [string, string][] }[];
  };
  return answer.result.flatMap(({ values }) => values.map(([, line]) => line));
}

/** Asks over all the time that the tests write to. */
async function ask(stack: Stack, path: string, parameters: Record<string, string>): Promise<unknown> {
  const url = new URL(path, stack.url('loki'));
  const range = { start: `${Date.now() - 24 * hourMs}000000`, end: `${Date.now() + 60_000}000000` };
  for (const [name, value] of Object.entries({ ...range, ...parameters })) url.searchParams.set(name, value);
  const answer = await fetch(url);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return (JSON.parse(text) as { data: unknown }).data;
}

async function refusedWithRetention(stack: Stack, hours: number): Promise<number> {
  const metrics = await (await fetch(`${stack.url('loki')}/metrics`)).text();
  let refused = 0;
  for (const [, value] of metrics.matchAll(
    new RegExp(`^loki_discarded_samples_total\\{.*retention_hours="${hours}".*\\} (\\d+)$`, 'gm'),
  )) {
    refused += Number(value);
  }
  return refused;
}
