// alone: its figures depend on the time of the machine
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { countedInAll, lokiTraceIds, prometheusPoints, tempoTraceIds } from '../../testkit/backends.ts';
import { type Answered, sendRequests, startLoad } from '../../testkit/load.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

// N requests make N spans, N log lines and a counter of N. Whatever falls over on the way, all of
// them must be found: in Tempo by search, in Loki, in Prometheus. Each case has a service of its
// own, so that its counts are its own; the backends are shared.

// How long an outage lasts is said in requests answered meanwhile, at 50 or 100 a second.
const outage = 400;

describe('what was told to the telemetry arrives', function () {
  this.timeout(240_000);
  let stack: Stack;

  before(async () => {
    stack = await startStack({ only: ['collector', 'loki', 'tempo', 'prometheus'] });
  });

  after(() => stack?.[Symbol.asyncDispose]());

  it('in quiet times', async () => {
    await using at = await instance(stack);
    const told = await sendRequests(at.work, 500);
    await at.findAll(told);
  });

  it('when the Collector is away for a while, and then no series has a gap longer than two intervals', async () => {
    // Long beside the time that an export waits for a processor, and short beside the outage.
    await using at = await instance(stack, {}, 3_000);
    const load = startLoad(at.work);
    await load.more(100);
    await stack.stop('collector');
    await load.more(1.5 * outage);
    await stack.start('collector');
    await load.more(100);
    await at.findAll(await load.stop());
    const [heartbeat] = await prometheusPoints(
      stack.url('prometheus'),
      `vitrine_heartbeat_timestamp_seconds{instance="${at.id}"}`,
    );
    assert.ok(heartbeat, 'there is a heartbeat');
    const gaps = heartbeat.points.map(([timeMs], index, points) => timeMs - (points[index - 1]?.[0] ?? timeMs));
    assert.ok(Math.max(...gaps) <= 2 * at.intervalMs, `the longest gap is ${Math.max(...gaps)} ms`);
  });

  it('when the Collector is killed twice under load', async () => {
    await using at = await instance(stack);
    const load = startLoad(at.work, { perSecond: 100 });
    for (let kill = 0; kill < 2; kill += 1) {
      await load.more(100);
      await stack.kill('collector', 'SIGKILL');
      await load.more(50);
      await stack.start('collector');
    }
    await load.more(100);
    await at.findAll(await load.stop());
  });

  for (const backend of ['tempo', 'loki', 'prometheus'] as const) {
    it(`when ${backend} is away`, async () => {
      await using at = await instance(stack);
      const load = startLoad(at.work);
      await load.more(50);
      await takeAway(stack, backend);
      await load.more(outage);
      await stack.start(backend);
      await load.more(50);
      await at.findAll(await load.stop());
    });
  }

  it('when all backends are away, and the Collector is killed meanwhile', async () => {
    await using at = await instance(stack);
    const load = startLoad(at.work);
    await load.more(50);
    await Promise.all((['tempo', 'loki', 'prometheus'] as const).map((backend) => takeAway(stack, backend)));
    await load.more(outage / 2);
    await stack.kill('collector', 'SIGKILL');
    await stack.start('collector');
    await load.more(outage / 2);
    await Promise.all((['tempo', 'loki', 'prometheus'] as const).map((backend) => stack.start(backend)));
    await at.findAll(await load.stop());
  });

  it('when the service is stopped under load', async () => {
    await using at = await instance(stack);
    const load = startLoad(at.work, { perSecond: 100 });
    await load.more(100);
    assert.equal(await at.service.kill('SIGTERM'), 0);
    const told = await load.stop();
    assert.match(
      at.service.said(),
      /traces: (\d+) made, \1 exported; metrics: (\d+) made, \2 exported; logs: (\d+) made, \3 exported\./,
    );
    await at.findAll(told);
  });

  it('when the service is stopped while the Collector is away, and started again later', async () => {
    await using at = await instance(stack, { VITRINE_STOP_MS_MAX: '2000' });
    await stack.stop('collector');
    const told = await sendRequests(at.work, 200);
    assert.equal(await at.service.kill('SIGTERM'), 0);
    assert.match(at.service.said(), /spooled/);
    await stack.start('collector');
    await at.restart();
    await at.findAll(told);
  });

  it('when the service is killed: at most the last second is missing', async () => {
    await using at = await instance(stack);
    const load = startLoad(at.work, { perSecond: 100 });
    await load.more(300);
    const killedAtMs = Date.now();
    await at.service.kill('SIGKILL');
    const told = await load.stop();
    await at.restart();
    await at.findAll(
      told.filter(({ atMs }) => atMs < killedAtMs - 1_000),
      { counter: false },
    );
    const found = await tempoTraceIds(stack.url('tempo'), `{ resource.service.instance.id = "${at.id}" }`);
    const lost = told.filter(({ traceId }) => !found.has(traceId));
    const oldestLost = lost.map(({ atMs }) => killedAtMs - atMs).sort((a, b) => b - a)[0] ?? 0;
    console.log(`      lost ${lost.length} of ${told.length} spans, the oldest ${oldestLost} ms before the kill`);
  });

  it('when the service is killed while the Collector is away: what was on disk is sent by the next start', async () => {
    await using at = await instance(stack);
    await stack.stop('collector');
    const load = startLoad(at.work, { perSecond: 100 });
    await load.more(300);
    const killedAtMs = Date.now();
    await at.service.kill('SIGKILL');
    const told = await load.stop();
    await stack.start('collector');
    await at.restart();
    await at.findAll(
      told.filter(({ atMs }) => atMs < killedAtMs - 1_000),
      { counter: false },
    );
  });

  it('when two instances come back with different backlogs', async () => {
    await using first = await instance(stack);
    const early = startLoad(first.work);
    await early.more(50);
    await stack.stop('collector');
    await early.more(outage / 2);
    await using second = await instance(stack);
    const late = startLoad(second.work);
    await late.more(outage / 2);
    await stack.start('collector');
    await late.more(50);
    await first.findAll(await early.stop());
    await second.findAll(await late.stop());
  });

  it('but for what the spool has no room for, and the ledger accounts for every one', async () => {
    await using at = await instance(stack, { VITRINE_SPOOL_BYTES_MAX: String(48 * 4096) });
    await stack.stop('collector');
    const load = startLoad(at.work, { perSecond: 100 });
    await load.more(600);
    const told = await load.stop();
    await stack.start('collector');
    await waitFor(
      'the empty spool, in Prometheus',
      async () =>
        (await at.newest('vitrine_telemetry_made_total', 'traces')) >= told.length &&
        (await at.newest('vitrine_telemetry_spooled', 'traces')) === 0,
      { deadlineMs: 60_000 },
    );
    const ledger = {
      made: await at.newest('vitrine_telemetry_made_total', 'traces'),
      dropped: await at.newest('vitrine_telemetry_dropped_total', 'traces'),
      exported: await at.newest('vitrine_telemetry_exported_total', 'traces'),
      missing: await at.newest('vitrine_telemetry_missing', 'traces'),
    };
    // Each request makes one span, also the launcher’s questions. An export comes in parts.
    const requests = () => countedInAll(stack.url('prometheus'), `http_requests_total{instance="${at.id}"}`);
    await waitFor('the count of requests', async () => (await requests()) >= ledger.made);
    assert.equal(ledger.made, await requests());
    assert.ok(ledger.dropped > 0, 'the spool was too small');
    assert.equal(ledger.made, ledger.dropped + ledger.exported);
    assert.equal(ledger.missing, 0);
    const found = await waitFor('the rest', async () => {
      const ids = await tempoTraceIds(stack.url('tempo'), `{ resource.service.instance.id = "${at.id}" }`);
      return ids.size === ledger.exported && ids;
    });
    assert.ok(found.size <= told.length);
  });
});

/**
 * Loki and Prometheus are killed: they have what they acknowledged in a write-ahead log. Tempo
 * acknowledges spans that it holds in memory alone, until it cuts the trace a second or two later;
 * a kill takes those, from any sender, so Tempo is stopped.
 */
function takeAway(stack: Stack, backend: 'tempo' | 'loki' | 'prometheus'): Promise<void> {
  return backend === 'tempo' ? stack.stop(backend) : stack.kill(backend, 'SIGKILL');
}

type Instance = AsyncDisposable & {
  service: ServiceProcess;
  id: string;
  work: string;
  intervalMs: number;
  restart: () => Promise<void>;
  /**
   * Waits until every one of these is in Tempo and Loki, and the counter in Prometheus says as many.
   */
  findAll: (told: readonly Answered[], options?: { counter?: boolean }) => Promise<void>;
  newest: (metric: string, signal: string) => Promise<number>;
};

async function instance(stack: Stack, extra: Record<string, string> = {}, intervalMs = 1_000): Promise<Instance> {
  const folder = await temporaryFolder();
  const env = {
    VITRINE_DATA: folder.path,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port('otlpGrpcPort')}`,
    OTEL_METRIC_EXPORT_INTERVAL: String(intervalMs),
    // Every request is traced: what is counted here is arrival, not what is kept.
    VITRINE_TRACE_FIRST_PER_SECOND: '100000',
    ...extra,
  };
  let service = await startService(env);
  const id = await instanceIdOf(folder.path);
  const { pathname } = new URL('/v2', service.url);
  return {
    get service() {
      return service;
    },
    id,
    work: `${service.url}${pathname}`,
    intervalMs,
    restart: async () => {
      service = await startService({ ...env, VITRINE_PORT: new URL(service.url).port });
    },
    findAll: async (told, { counter = true } = {}) => {
      assert.ok(told.length > 50, `only ${told.length} requests were answered`);
      const missingIn = async (ids: Promise<Set<string>>) => {
        const found = await ids;
        return told.filter(({ traceId }) => !found.has(traceId)).length;
      };
      await nothingMissing('Tempo', () =>
        missingIn(tempoTraceIds(stack.url('tempo'), `{ resource.service.instance.id = "${id}" }`)),
      );
      await nothingMissing('Loki', () =>
        missingIn(
          lokiTraceIds(
            stack.url('loki'),
            `{service_name="vitrine"} | service_instance_id="${id}" | event_type="http_request"`,
          ),
        ),
      );
      if (!counter) return;
      await nothingMissing('Prometheus', async () => {
        const selector = `http_requests_total{instance="${id}",endpoint="/v2",status="200"}`;
        return told.length - (await countedInAll(stack.url('prometheus'), selector));
      });
    },
    newest: async (metric, signal) => {
      const series = await prometheusPoints(stack.url('prometheus'), `${metric}{instance="${id}",signal="${signal}"}`);
      return series.reduce((total, { points }) => total + (points.at(-1)?.[1] ?? 0), 0);
    },
    [Symbol.asyncDispose]: async () => {
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

async function nothingMissing(where: string, count: () => Promise<number>): Promise<void> {
  let missing = -1;
  await waitFor(
    `everything in ${where}`,
    async () => {
      missing = await count();
      return missing <= 0;
    },
    { deadlineMs: 60_000, everyMs: 500 },
  ).catch((cause: unknown) => {
    throw new Error(`${missing} are missing in ${where}`, { cause });
  });
}

async function instanceIdOf(dataFolder: string): Promise<string> {
  return (await readFile(`${dataFolder}/service/instance-id`, 'utf8')).trim();
}
