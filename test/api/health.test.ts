import assert from 'node:assert/strict';
import { mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { HealthChecks } from '../../src/api/health/health-checks.ts';
import { readConfig } from '../../src/config.ts';
import { startTelemetry } from '../../src/telemetry/export/start.ts';
import { setLogLevel } from '../../src/telemetry/logger.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { type ServedApi, serveApi } from './serve-api.ts';

// biome-ignore lint/suspicious/noExplicitAny: a wrong member fails the test.
type Told = any;

describe('health', () => {
  it('has the keys that monitoring of each kind looks for', async () => {
    await using api = await serveApi({ copy: { onnx: identity('FP32') } });
    assert.deepEqual(await (await api.fetch('/live')).json(), { status: 'alive', live: true });
    const { timestamp, ...readiness }: Told = await (await api.fetch('/ready')).json();
    assert.ok(!Number.isNaN(Date.parse(timestamp)));
    assert.deepEqual(readiness, {
      status: 'ready',
      ready: true,
      checks: { database: true, gpu: true, disk_space: true, models_loaded: true },
    });
    const health: Told = await (await api.fetch('/health')).json();
    assert.ok(['healthy', 'warning'].includes(health.status), health.status);
    assert.ok(!Number.isNaN(Date.parse(health.timestamp)));
    assert.equal(typeof health.uptime_seconds, 'number');
    assert.equal(typeof health.version, 'string');
    assert.equal(health.models_loaded, 1);
    assert.deepEqual(health.circuit_breakers, { 'copy/1': 'closed' });
    assert.deepEqual(Object.keys(health.checks), ['model', 'disk', 'memory', 'telemetry', 'api_keys', 'certificates']);
    const detailed: Told = await (await api.fetch('/health/detailed')).json();
    for (const check of ['database', 'models', 'model', 'gpu', 'system', 'storage'])
      assert.ok(['healthy', 'warning'].includes(detailed.checks[check].status), check);
    for (const part of ['cpu', 'memory', 'disk']) assert.ok(detailed.checks.system[part].status, part);
    assert.ok(detailed.checks.system.memory.limit_bytes > 0);
    assert.equal(typeof detailed.checks.database.response_time_ms, 'number');
  });

  it('warns at its thresholds, and says which setting they are', async () => {
    await using api = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { healthDiskFreePercentMin: 100, healthMemoryPercentMax: 1, healthDetailedMemoryPercentMax: 1 },
    );
    const answer = await api.fetch('/health');
    const health: Told = await answer.json();
    assert.equal(answer.status, 200);
    assert.equal(health.status, 'warning');
    assert.equal(health.checks.memory.status, 'warning');
    assert.match(health.checks.disk.message, /VITRINE_HEALTH_DISK_FREE_PERCENT_MIN/);
    assert.equal((await api.fetch('/ready')).status, 200);
  });

  it('is not ready without the disk, and without the GPU where one is required', async () => {
    for (const [settings, check] of [
      [{ healthDiskFreePercentCritical: 100 }, 'disk_space'],
      [{ gpuRequired: true }, 'gpu'],
    ] as const) {
      await using api = await serveApi({}, settings);
      const answer = await api.fetch('/ready');
      const ready: Told = await answer.json();
      // A machine with a GPU passes the second.
      if (check === 'gpu' && ready.checks.gpu) continue;
      assert.equal(answer.status, 503);
      assert.equal(ready.status, 'not_ready');
      assert.equal(ready.checks[check], false);
      assert.equal(ready.code, 'not_ready');
      assert.ok(ready.error.includes(check));
      assert.equal((await api.fetch('/v2/health/ready')).status, 503);
      assert.equal((await api.fetch('/live')).status, 200);
      const detailed = await api.fetch('/health/detailed');
      assert.equal(detailed.status, 503);
      assert.equal(((await detailed.json()) as Told).status, 'unhealthy');
    }
  });

  it('tells of a model that cannot be loaded, and serves the others', async () => {
    await using api = await serveApi({ copy: { onnx: identity('FP32') }, broken: { onnx: Buffer.from('no ONNX') } });
    assert.equal((await api.fetch('/ready')).status, 200);
    const health: Told = await (await api.fetch('/health')).json();
    assert.equal(health.status, 'warning');
    assert.equal(health.checks.model.failed, 1);
    assert.match(health.checks.model.message, /broken version 1/);
  });

  it('is not ready without models, unless each is to be loaded by request', async () => {
    const away = { models: join('models', 'that', 'are', 'not', 'there') };
    for (const [settings, isReady] of [
      [{}, false],
      [away, false],
      [{ modelControl: 'explicit' }, true],
      [{ modelControl: 'explicit', loadModels: 'nobody' }, false],
      [{ modelControl: 'explicit', ...away }, false],
    ] as const) {
      await using api = await serveApi({}, settings);
      const answer = await api.fetch('/ready');
      const ready: Told = await answer.json();
      assert.deepEqual(
        [answer.status, ready.checks.models_loaded],
        [isReady ? 200 : 503, isReady],
        JSON.stringify(settings),
      );
      const { checks }: Told = await (await api.fetch('/health')).json();
      if (!isReady) assert.match(checks.model.message, /^No model serves: .*VITRINE_MODELS/);
    }
  });

  it('is ready as soon as the first model is', async () => {
    await using api = await serveApi({}, { modelControl: 'explicit', loadModels: 'copy' });
    assert.equal((await api.fetch('/ready')).status, 503);
    await writeModel(api.data, 'copy', identity('FP32'), {});
    const load = await api.fetch('/v2/repository/models/copy/load', { method: 'POST', body: '{}' });
    assert.equal(load.status, 200, await load.text());
    assert.equal((await api.fetch('/ready')).status, 200);
  });

  it('shows the breaker of a model whose loading has failed too often, and each failed load has its line', async () => {
    await using api = await serveApi(
      { copy: { onnx: identity('FP32') } },
      { breakerFailuresMax: 2, breakerOpenMs: 60_000 },
    );
    await writeModel(api.data, 'broken', Buffer.from('no ONNX'), {});
    const written: string[] = [];
    const { write } = process.stderr;
    process.stderr.write = (text: string) => written.push(text) > 0;
    try {
      setLogLevel('app', 'error');
      for (let time = 0; time < 3; time += 1)
        await api.fetch('/v2/repository/models/broken/load', { method: 'POST', body: '{}' });
    } finally {
      process.stderr.write = write;
    }
    assert.equal(written.filter((line) => /Model broken is not loaded: /.test(line)).length, 3, written.join(''));
    assert.ok(!written.some((line) => line.includes('no ONNX')));
    const health: Told = await (await api.fetch('/health')).json();
    assert.deepEqual(health.circuit_breakers, { 'copy/1': 'closed', 'broken/loading': 'open' });
  });

  it('is not ready when no model could be loaded, or while it starts and stops', async () => {
    await using api = await serveApi({ broken: { onnx: Buffer.from('no ONNX') } });
    const ready: Told = await (await api.fetch('/ready')).json();
    assert.deepEqual(ready.checks, { database: true, gpu: true, disk_space: true, models_loaded: false });
    await using other = await serveApi({ copy: { onnx: identity('FP32') } });
    other.lifecycle.beginStop();
    const stopping = await other.fetch('/ready');
    assert.equal(stopping.status, 503);
    assert.match(((await stopping.json()) as Told).error, /the service is stopping/);
    assert.equal(stopping.headers.get('connection'), 'close');
    assert.equal((await other.fetch('/live')).status, 200);
  });

  it('is no failed request while it waits for a start or a stop, and one when a check fails', async () => {
    const listed = async (api: ServedApi) =>
      ((await (await api.fetch('/v1/requests?failed=10')).json()) as { requests: { route: string }[] }).requests.map(
        ({ route }) => route,
      );
    await using broken = await serveApi({ broken: { onnx: Buffer.from('no ONNX') } }, {}, { observed: true });
    await (await broken.fetch('/ready')).arrayBuffer();
    await waitFor('the record', async () => (await listed(broken)).includes('/ready'));
    await using api = await serveApi({ copy: { onnx: identity('FP32') } }, {}, { observed: true });
    api.lifecycle.beginStop();
    await (await api.fetch('/ready')).arrayBuffer();
    await (await api.fetch('/v2/models/none')).arrayBuffer();
    await waitFor('the record', async () => (await listed(api)).length > 0);
    assert.deepEqual(await listed(api), ['/v2/models/:model']);
  });

  it('warns as long as a damaged database of jobs lies there', async () => {
    await using api = await serveApi({});
    const database = async () => {
      const answer = await api.fetch('/health/detailed');
      return ((await answer.json()) as { checks: { database: Record<string, unknown> } }).checks.database;
    };
    assert.equal((await database()).status, 'healthy');
    const folder = join(api.data, 'service', 'jobs.damaged-1700000000000');
    await mkdir(folder);
    const warning = await waitFor('the warning', async () => {
      const found = await database();
      return found.status === 'warning' && found;
    });
    assert.deepEqual(warning.set_aside, ['jobs.damaged-1700000000000']);
    assert.match(String(warning.message), /damaged or gone.*move it away/);
    await rmdir(folder);
    await waitFor('health', async () => (await database()).status === 'healthy');
  });

  it('looks once a second, however many ask', async () => {
    await using api = await serveApi({});
    const config = { ...readConfig({}), telemetryOff: true };
    const checks = new HealthChecks({
      config,
      lifecycle: api.lifecycle,
      registry: api.registry,
      jobs: api.jobs.queue,
      telemetry: await startTelemetry(config, { name: 'vitrine', folder: 'service', host: false, meter: new Meter() }),
      access: { keysStaleSince: undefined },
      tls: { trouble: undefined },
    });
    const [first, second] = await Promise.all([checks.see(), checks.see()]);
    assert.equal(second.memory, first.memory);
    await waitFor('another look', async () => (await checks.see()).memory !== first.memory, { everyMs: 50 });
  });
});
