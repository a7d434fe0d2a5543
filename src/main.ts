import { AccessControl } from './api/access/access-control.ts';
import { ProxyMetrics } from './api/backends-proxy/proxy-metrics.ts';
import { openApiText } from './api/openapi/docs-page.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { observedBy } from './engine/engine-observer.ts';
import { repositoryOf } from './engine/registry/one-model.ts';
import { Registry } from './engine/registry/registry.ts';
import { chooseExchange } from './http/choose-exchange.ts';
import { serviceLimits } from './http/http-limits.ts';
import { createHttpServer } from './http/http-server.ts';
import { logSums } from './http/log-or-sum.ts';
import { serveHttp, startOrExplain } from './http/serve-http.ts';
import { ServerTls } from './http/tls/server-tls.ts';
import { openJobs } from './jobs/open-jobs.ts';
import { performTask } from './jobs/perform-task.ts';
import { Lifecycle } from './lifecycle.ts';
import { batchSpans } from './observe/batch-spans.ts';
import { Cost } from './observe/cost.ts';
import { EngineMetrics } from './observe/engine-metrics.ts';
import { FlightRecorder } from './observe/flight/flight-recorder.ts';
import { GpuShare } from './observe/gpu-share.ts';
import { ModelUses } from './observe/model-uses.ts';
import { RequestMetrics } from './observe/request-metrics.ts';
import { TaskMetrics } from './tasks/task-metrics.ts';
import { possibleTasks } from './tasks/task-model.ts';
import { TaskThreads } from './tasks/threads/task-threads.ts';
import { startTelemetry } from './telemetry/export/start.ts';
import { noGpu, startGpu } from './telemetry/host/gpu/start-gpu.ts';
import { MachineRecord } from './telemetry/host/machine-record.ts';
import { Meter } from './telemetry/meter.ts';

// Start reads down, stop runs up: telemetry is first in and last out.

await startOrExplain(async () => {
  const given = readConfig();
  // Before anything in it is touched: who comes second must change nothing.
  const data = openDataFolder({ data: given.data, part: 'service', who: 'service' });
  const config = Object.freeze({ ...given, models: await repositoryOf(given) });
  const meter = new Meter();
  const access = await AccessControl.open(config, meter);
  const tls = await ServerTls.open(config, meter);
  const requestMetrics = new RequestMetrics(meter);
  const engineMetrics = new EngineMetrics(meter);
  const taskMetrics = new TaskMetrics(meter);
  const proxyMetrics = new ProxyMetrics(meter);
  let gpu = noGpu();
  const cost = new Cost(meter);
  const machine = new MachineRecord();
  const telemetry = await startTelemetry(config, { name: 'vitrine', folder: 'service', host: true, meter, machine });
  // Before the threads that stay: they take over the memory of the one that compares.
  const makeExchange = await chooseExchange(config);
  gpu = startGpu(config, meter, machine);
  const lifecycle = new Lifecycle();
  const flights = config.telemetryOff
    ? undefined
    : new FlightRecorder({
        recordsMax: config.flightRecordsMax,
        batchesMax: config.flightBatchesMax,
        minutesMax: 60,
        machine,
      });
  const registry = flights
    ? new Registry(config, observedBy(engineMetrics, cost, flights), new GpuShare(() => gpu))
    : new Registry(config);
  engineMetrics.watch(registry);
  requestMetrics.watch(registry);
  const taskThreads = new TaskThreads(config, meter);
  taskMetrics.watch(() => possibleTasks(registry));
  const uses = new ModelUses({ metrics: requestMetrics, cost, flights });
  const jobs = await openJobs(
    config,
    meter,
    performTask({ config, registry, threads: taskThreads, metrics: taskMetrics, uses }),
    data.clock,
  );
  const { queue, worker, folders: workFolders } = jobs;
  // What runs goes back to the queue as soon as a stop begins: the time left is for requests that
  // wait for their answer.
  lifecycle.stopping.addEventListener('abort', () => void worker.stop({ byDefect: lifecycle.stopsByDefect }));
  const app = createApp({
    config,
    meter,
    access,
    tls,
    lifecycle,
    registry,
    jobs: queue,
    gpu: () => gpu,
    workFolders,
    proxyMetrics,
    requestMetrics,
    flights,
    uses,
    taskMetrics,
    taskThreads,
    telemetry,
    makeExchange,
  });
  openApiText(config);
  await serveHttp({
    title: 'Vitrine',
    config,
    port: { value: config.servicePort, setting: 'VITRINE_PORT' },
    server: createHttpServer(serviceLimits(config), lifecycle, app, requestMetrics, tls),
    tls,
    portNote: access.note,
    lifecycle,
    telemetry,
    prepare: async () => {
      await registry.start();
      await worker.start();
    },
    closeFirst: async () => {
      logSums();
      await jobs[Symbol.asyncDispose]();
      await taskThreads[Symbol.asyncDispose]();
      await Promise.all([registry[Symbol.asyncDispose](), gpu.stop()]);
      batchSpans.settle();
    },
    closeLast: async () => data[Symbol.asyncDispose](),
  });
});
