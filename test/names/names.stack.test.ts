import assert from 'node:assert/strict';
import { readdir, readFile, symlink } from 'node:fs/promises';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { nameInPrometheus } from '../../src/telemetry/names/name-in-prometheus.ts';
import { type MetricName, metricNames, spanNames } from '../../src/telemetry/names/names.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { prometheusQuery } from '../../testkit/backends.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import { identity, perceptron, slowInBatches, writeModel, writePipeline } from '../../testkit/models/models.ts';
import { scoreDataset } from '../../testkit/score-dataset.ts';
import { softwareVulkan } from '../../testkit/software-vulkan.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { checkTelemetry, readCaptured } from '../../tools/registry/check-telemetry.ts';
import { namesBySystems } from './names-by-systems.ts';
import { expectedInPrometheus, toldInPrometheus } from './told-in-prometheus.ts';

/** What nothing in this test can make happen, and why. */
const notMade: Partial<Record<MetricName, string>> = {
  redactedSpans: 'needs a secret in a span; test/collector has it',
  redactedSpanEvents: 'needs a secret in a span event; test/collector has it',
  redactedLogRecords: 'needs a secret in a log record; test/collector has it',
  tlsCertificateEnd: 'needs a certificate; test/tls has it',
  identityChecks: 'needs an OpenID provider; test/api has it',
  modelPlaces: 'needs a place that is downloaded; test/places has it',
  modelDownloadBytes: 'needs a place that is downloaded; test/places has it',
  inferencePadding: 'needs rows of different lengths in a batch; test/engine has it',
  firstPartSeconds: 'needs a stream; test/tasks has it',
  rpcSeconds: 'needs the gRPC port; test/grpc has it',
  databaseQuerySeconds: 'needs PostgreSQL; test/jobs has it',
  databaseWaitSeconds: 'needs PostgreSQL; test/jobs has it',
  databaseConnections: 'needs PostgreSQL; test/jobs has it',
  databaseConnectionsWaiting: 'needs PostgreSQL; test/jobs has it',
  processesReady: 'needs several processes; test/processes has it',
  processRestarts: 'needs several processes; test/processes has it',
  quotaLeases: 'needs several processes; test/processes has it',
};

/**
 * A Vulkan that runs on the CPU stands in for the GPU that the shim of the driver speaks of: the
 * cost of a run is exported.
 */
const vulkan = softwareVulkan();
if ('unavailable' in vulkan)
  for (const name of ['costGpu', 'costEnergy'] as const)
    notMade[name] = `needs a run on a GPU, or on software Vulkan: ${vulkan.unavailable}`;

const deadline = { deadlineMs: 120_000, everyMs: 500 };
/** Labels that we add to what the five systems had: whose failure it was. */
const ourOwn = new Set(['fault']);
const inferences = 20;
/** Of this model, for an input that does not fit: a request all the same, which took its time. */
const refused = 1;
const repository = resolve(import.meta.dirname, '../../models');

describe('the names of all metrics, in the real Prometheus', function () {
  this.timeout(600_000);
  let stack: Stack;
  let shim: Shim;
  let models: Awaited<ReturnType<typeof temporaryFolder>>;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
    await shim.answer({ count: 1 });
    models = await temporaryFolder();
    await writeModel(models.path, 'perceptron', perceptron(), { manifest: { accuracy: { held_out: 0.875 } } });
    await writeModel(models.path, 'apart', identity('FP32'), {
      manifest: { lanes: { kind: 'process' }, cache: {} },
    });
    await writeModel(models.path, 'late', slowInBatches(300));
    await writePipeline(models.path, 'chances', {
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 8] }],
      steps: [{ name: 'softmax', operation: 'softmax', inputs: { x: 'x' }, outputs: { y: 'y' } }],
      outputs: ['y'],
    });
    if (!('unavailable' in vulkan))
      await writeModel(models.path, 'webgpu', perceptron(), {
        manifest: { lanes: { kind: 'process' }, providers: ['webgpu'] },
      });
    for (const name of await modelsOfTasks()) await symlink(join(repository, name), join(models.path, name));
    stack = await startStack({
      only: ['collector', 'service', 'receiver', 'prometheus'],
      env: {
        ...shim.env,
        ...('unavailable' in vulkan ? {} : { VK_DRIVER_FILES: vulkan.VK_DRIVER_FILES }),
        LD_LIBRARY_PATH: [shim.folder, ...('unavailable' in vulkan ? [] : [vulkan.LD_LIBRARY_PATH])].join(':'),
        VITRINE_BACKENDS: 'prometheus,file',
        VITRINE_MODELS: models.path,
        VITRINE_GPU_PERIOD_MS: '200',
        VITRINE_TASKS_PER_MINUTE_MAX: '1000',
        VITRINE_COLLECTOR_FLUSH_MS: '1000',
      },
    });
    await sendTrafficOfEveryKind(stack);
  });

  after(async () => {
    await stack?.close();
    await models?.[Symbol.asyncDispose]();
    await shim?.[Symbol.asyncDispose]();
  });

  it('are all there with the labels of the table, the aliases too', async () => {
    const expected = expectedInPrometheus();
    const excused = new Set(Object.keys(notMade).map((of) => nameInPrometheus(metricNames[of as MetricName])));
    let missing: string[] = [];
    const told = await waitFor(
      'every name',
      async () => {
        const found = await toldInPrometheus(stack.url('prometheus'));
        missing = [...expected.keys()].filter((name) => !found.has(name) && !excused.has(name));
        return missing.length === 0 && found;
      },
      deadline,
    ).catch((error: unknown) => {
      throw new Error(`not told: ${missing.join(', ')}`, { cause: error });
    });
    const wrong = [...expected]
      .filter(([name]) => told.has(name))
      .map(([name, labels]) => ({ name, labels: [...labels].sort(), found: [...(told.get(name) ?? [])].sort() }))
      .filter(({ labels, found }) => labels.join() !== found.join());
    assert.deepEqual(wrong, []);
  });

  it('are those that the five systems had', () => {
    const expected = expectedInPrometheus();
    const wrong = Object.entries(namesBySystems)
      .map(([name, labels]) => ({ name, labels: labels.split(' ').filter(Boolean).sort(), is: expected.get(name) }))
      .filter(
        ({ labels, is }) =>
          is === undefined ||
          labels.join() !==
            [...is]
              .filter((label) => !ourOwn.has(label))
              .sort()
              .join(),
      );
    assert.deepEqual(wrong, []);
  });

  it('are no others', async () => {
    const expected = expectedInPrometheus();
    const told = await toldInPrometheus(stack.url('prometheus'));
    const others = [...told.keys()].filter(
      (name) =>
        !expected.has(name) &&
        // Rules make names of their own, with a colon; Prometheus has a few itself; and one was pushed by
        // the test.
        !name.includes(':') &&
        !['target_info', 'ALERTS', 'ALERTS_FOR_STATE', 'pushed_by_the_test_total'].includes(name),
    );
    assert.deepEqual(others, []);
  });

  it('stand beside all spans of the table, and no others', async () => {
    const names = new Set<string>(Object.values(spanNames).map(({ name }) => name));
    names.delete(spanNames.request.name);
    // Only with PostgreSQL, and only with gRPC; test/jobs and test/grpc have them.
    names.delete(spanNames.databaseQuery.name);
    names.delete(spanNames.rpc.name);
    let missing: string[] = [];
    const told = await waitFor(
      'every span',
      async () => {
        const series = await prometheusQuery(
          stack.url('prometheus'),
          'count by (span_name) (traces_span_metrics_calls_total)',
        );
        const found = series.map(({ labels }) => labels.span_name ?? '');
        missing = [...names].filter((name) => !found.includes(name));
        return missing.length === 0 && found;
      },
      deadline,
    ).catch((error: unknown) => {
      throw new Error(`not made: ${missing.join(', ')}`, { cause: error });
    });
    const others = told.filter((name) => !names.has(name) && !/^([A-Z]+|_OTHER) (\/|unmatched$)/.test(name));
    assert.deepEqual(others, []);
  });

  it('are as the registry says: instruments, units, attributes and their types, and each event by its name', () => {
    const captured = readCaptured(join(stack.data, 'collector/files'));
    assert.ok(captured.length > 50);
    assert.deepEqual(checkTelemetry(captured, { pushed: ['pushed_by_the_test'] }), []);
  });

  it('count exactly: requests, batches, rows and bytes of a model, by every name', async () => {
    const value = async (query: string) => (await prometheusQuery(stack.url('prometheus'), query))[0]?.value;
    for (const [query, wanted] of [
      ['inference_requests_total{model="perceptron",status="ok"}', inferences],
      ['inference_request_duration_seconds_count{model="perceptron"}', inferences + refused],
      ['histogram_count(inference_latency_seconds{model="perceptron"})', inferences + refused],
      ['inference_stage_duration_seconds_count{model="perceptron",stage="run"}', inferences + refused],
      ['sum(inference_batches_total{model="perceptron"})', inferences],
      ['inference_batch_rows_sum{model="perceptron"}', 2 * inferences],
      ['inference_batch_fill_count{model="perceptron"}', inferences],
      ['inference_io_bytes_total{model="perceptron",direction="in"}', inferences * 2 * 64 * 4],
      ['inference_io_bytes_total{model="perceptron",direction="out"}', inferences * 2 * 10 * 4],
      ['model_loads_total{model="perceptron",result="ok"}', 2],
      ['model_load_duration_seconds_count{model="perceptron"}', 2],
      ['fugatto_model_load_seconds_count{model="perceptron"}', 2],
      ['model_accuracy{model_type="perceptron",validation_set="held_out"}', 0.875],
      ['inference_lanes{model="apart",state="idle"}', 1],
      ['inference_breaker_state{model="perceptron",guard="running"}', 0],
      ['model_state{model="perceptron",version="1",state="ready"}', 1],
      ['errors_total{type="invalid_input",endpoint="/v2/models/:model/infer"}', 1],
      ['errors_total{type="model_not_found",endpoint="/v2/models/:model/infer"}', 1],
      ['inference_dropped_total{model="apart",reason="expired"}', 0],
      ['microdiff_requests_total{method="_OTHER",endpoint="unmatched",status="rejected",code="400"}', 1],
      ['sum(microdiff_requests_total{status="success"}) - sum(http_requests_total{status=~"[23].."})', 0],
      ['sum(fugatto_api_requests_total) - sum(http_requests_total)', 0],
    ] as const) {
      await waitFor(`${query} to be ${wanted}`, async () => (await value(query)) === wanted, deadline).catch(
        async (error: unknown) => {
          throw new Error(`${query} is ${await value(query)}, not ${wanted}`, { cause: error });
        },
      );
    }
    const [lane] = await prometheusQuery(stack.url('prometheus'), 'inference_lane_memory_bytes{model="apart"}');
    assert.ok((lane?.value ?? 0) > 10 * 2 ** 20, 'a lane that is a process takes memory');
  });

  it('have the units of their aliases: percents of ratios, one machine of many cores, one GPU by its id', async () => {
    // Both sides of one query are of one moment, whatever changes meanwhile; of one that is over, when
    // a later push has been stored too.
    const moment = Date.now();
    const both = async (query: string, atMs?: number) =>
      (await prometheusQuery(stack.url('prometheus'), query, atMs)).map(({ value }) => value);
    const stored = 'min(timestamp({__name__=~"disk_free_bytes|system_filesystem_usage_bytes"}))';
    await waitFor('a later push', async () => ((await both(stored))[0] ?? 0) * 1000 > moment, deadline);
    for (const [alias, ours] of [
      ['cpu_usage_percent', '100 * (1 - avg(system_cpu_utilization_ratio{cpu_mode="idle"}))'],
      ['memory_percent', '100 * sum(system_memory_utilization_ratio{system_memory_state="used"})'],
      ['memory_available_bytes', 'sum(system_memory_usage_bytes{system_memory_state="free"})'],
      ['disk_free_bytes', 'sum(system_filesystem_usage_bytes{system_filesystem_state="free"})'],
      ['gpu_utilization_percent{gpu_id="GPU-shim-0000"}', '37'],
      ['gpu_memory_total_bytes{gpu_id="GPU-shim-0000"}', '80 * 2 ^ 30'],
      ['microdiff_gpu_memory_usage_bytes{device="GPU-shim-0000"}', '20 * 2 ^ 30'],
      ['fugatto_memory_usage_bytes', 'sum(system_memory_usage_bytes{system_memory_state="used"})'],
    ] as const) {
      const [difference] = await both(`abs(sum(${alias}) - ${ours})`, moment);
      assert.ok(difference !== undefined && difference < 1e-6, `${alias} differs from ${ours} by ${difference}`);
    }
  });
});

async function modelsOfTasks(): Promise<string[]> {
  const entries = await readdir(repository, { withFileTypes: true });
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const isModel = await Promise.all(
    folders.map(async (name) => (await readdir(join(repository, name))).some((file) => /^\d+$/.test(file))),
  );
  return folders.filter((_, at) => isModel[at]);
}

async function sendTrafficOfEveryKind(stack: Stack): Promise<void> {
  const url = stack.url('service');
  const send = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, body: await response.text() };
  };
  const post = (path: string, body: unknown = {}, headers: Record<string, string> = {}) =>
    send(path, { method: 'POST', body: JSON.stringify(body), headers });
  const tensor = (name: string, shape: number[]) => ({
    name,
    datatype: 'FP32',
    shape,
    data: Array(shape.reduce((product, size) => product * size, 1)).fill(0.5),
  });

  for (let sent = 0; sent < inferences; sent += 1) {
    const { status, body } = await post('/v2/models/perceptron/infer', { inputs: [tensor('x', [2, 64])] });
    assert.equal(status, 200, body);
  }
  assert.equal((await post('/v2/models/apart/infer', { inputs: [tensor('x', [1, 8])] })).status, 200);
  assert.equal((await post('/v2/models/chances/infer', { inputs: [tensor('x', [1, 8])] })).status, 200);
  if (!('unavailable' in vulkan))
    assert.equal((await post('/v2/models/webgpu/infer', { inputs: [tensor('x', [1, 64])] })).status, 200);
  assert.equal((await post('/v2/models/perceptron/infer', { inputs: [tensor('x', [1, 3])] })).status, 400);
  const profiled = { 'x-vitrine-profile': '1' };
  assert.equal((await post('/v2/models/apart/infer', { inputs: [tensor('x', [1, 8])] }, profiled)).status, 200);
  // Answered with 504, the error.type of the convention's histogram.
  const hurried = { 'x-request-timeout-ms': '50' };
  assert.equal((await post('/v2/models/late/infer', { inputs: [tensor('x', [1, 4])] }, hurried)).status, 504);
  assert.equal((await post('/v2/models/nowhere/infer', { inputs: [] })).status, 404);
  for (const path of [
    '/live',
    '/ready',
    '/health',
    '/health/detailed',
    '/metrics',
    '/v2',
    '/v2/models/perceptron',
    '/nowhere',
  ])
    await send(path);
  await post('/v2/repository/models/perceptron/load');
  await post('/v2/repository/index');
  await post('/v2/trace/setting', { trace_rate: '10' });
  await post('/v2/logging', { log_verbose_level: 0 });
  await sendNoHttp(stack.port('servicePort'));
  await doTasks(url);
  await send('/backends/prometheus/api/v1/query?query=up');
  await scoreDataset(stack);

  const receiver = stack.url('receiver');
  const pushed = '{"kind":"counter","name":"pushed_by_the_test"}\n';
  await fetch(`${receiver}/events`, { method: 'POST', body: pushed });
  const alert = {
    status: 'firing',
    labels: { alertname: 'FromTheTest', severity: 'info' },
    startsAt: '2026-01-01T00:00:00Z',
  };
  await fetch(`${receiver}/alerts`, {
    method: 'POST',
    body: JSON.stringify({ version: '4', status: 'firing', alerts: [alert] }),
  });
}

/** One of each kind, and one that cannot be done. */
async function doTasks(url: string): Promise<void> {
  const json = { 'content-type': 'application/json' };
  const speech = await readFile(join(import.meta.dirname, '../../testkit/fixtures/audio/speech.wav'));
  const file = () => {
    const form = new FormData();
    form.append('file', new Blob([speech], { type: 'audio/wav' }), 'speech.wav');
    return form;
  };
  const noSound = () => {
    const form = new FormData();
    form.append('file', new Blob(['no sound'], { type: 'audio/wav' }), 'none.wav');
    return form;
  };
  for (const [path, init, otherwise] of [
    ['/v1/generate', { headers: json, body: JSON.stringify({ prompt: 'a bright bell', duration_seconds: 1 }) }],
    ['/v1/generate', { headers: json, body: JSON.stringify({ prompt: 'a bright bell', model: 'perceptron' }) }, 404],
    ['/separate', { body: file() }],
    ['/separate', { body: noSound() }, 415],
    ['/v1/score', { body: file() }],
    ['/v1/speech', { body: file() }],
    ['/v1/generate', { headers: { ...json, prefer: 'respond-async' }, body: JSON.stringify({ prompt: 'rain' }) }, 202],
    ['/v1/microstructure', { headers: json, body: JSON.stringify({ alloy: 'Ti-6Al-4V', size: 32, steps: 10 }) }],
  ] as [string, RequestInit, number?][]) {
    const response = await fetch(`${url}${path}`, { method: 'POST', ...init });
    const bytes = await response.arrayBuffer();
    const wanted = otherwise ?? 200;
    assert.equal(response.status, wanted, `${path}: ${Buffer.from(bytes).toString('latin1').slice(0, 300)}`);
  }
}

function sendNoHttp(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.end('this is no HTTP\r\n\r\n'));
    socket.on('error', reject);
    socket.on('close', () => resolve());
    socket.resume();
  });
}
