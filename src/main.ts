import { ProxyMetrics } from './api/backends-proxy/proxy-metrics.ts';
import { Door } from './api/door.ts';
import { createHttpServer } from './api/http-server.ts';
import { logSums } from './api/log-refusal.ts';
import { openApiText } from './api/openapi/docs-page.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { openDataFolder } from './data-folder.ts';
import { observedBy, unobserved } from './engine/engine-observer.ts';
import { Registry } from './engine/registry.ts';
import { type Jobs, openJobs } from './jobs/open-jobs.ts';
import { performTask } from './jobs/perform-task.ts';
import { Lifecycle } from './lifecycle.ts';
import { serveHttp, startOrExplain } from './serve-http.ts';
import { possibleTasks } from './tasks/task-model.ts';
import { TaskThreads } from './tasks/threads/task-threads.ts';
import { Cost } from './telemetry/cost.ts';
import { EngineMetrics } from './telemetry/engine-metrics.ts';
import { FlightRecorder } from './telemetry/flight/flight-recorder.ts';
import { noGpu, startGpu } from './telemetry/gpu/start-gpu.ts';
import { ModelUses } from './telemetry/model-uses.ts';
import { RequestMetrics } from './telemetry/request-metrics.ts';
import { startTelemetry } from './telemetry/start.ts';
import { TaskMetrics } from './telemetry/task-metrics.ts';

// Start reads down, stop runs up: telemetry is first in and last out.

await startOrExplain(async () => {
  const config = readConfig();
  // Before anything in it is touched: who comes second must change nothing.
  const data = openDataFolder({ data: config.data, part: 'service', who: 'service' });
  const door = await Door.open(config);
  const requestMetrics = new RequestMetrics();
  const engineMetrics = new EngineMetrics(requestMetrics);
  const taskMetrics = new TaskMetrics();
  const proxyMetrics = new ProxyMetrics();
  let jobs: Jobs | undefined;
  let gpu = noGpu();
  const cost = new Cost(() => gpu);
  const telemetry = await startTelemetry(config, {
    name: 'vitrine',
    folder: 'service',
    host: true,
    aggregated: () => [
      ...engineMetrics.collect(),
      ...requestMetrics.collect(),
      ...taskMetrics.collect(),
      ...cost.collect(),
      ...proxyMetrics.collect(),
      ...(jobs?.metrics.collect() ?? []),
      ...gpu.metrics(),
    ],
  });
  gpu = startGpu(config);
  const lifecycle = new Lifecycle();
  const flights = config.telemetryOff
    ? undefined
    : new FlightRecorder({ recordsMax: config.flightRecordsMax, batchesMax: config.flightBatchesMax, minutesMax: 60 });
  const registry = new Registry(config, flights ? observedBy(engineMetrics, cost, flights) : unobserved);
  engineMetrics.watch(registry);
  const taskThreads = new TaskThreads(config);
  taskMetrics.watch(() => possibleTasks(registry));
  const uses = new ModelUses({ metrics: requestMetrics, cost, flights });
  jobs = await openJobs(
    config,
    performTask({ config, registry, threads: taskThreads, metrics: taskMetrics, uses }),
    data.clock,
  );
  const { runner, folders: workFolders } = jobs;
  // What runs goes back to the queue as soon as a stop begins: the time left is for requests that wait for their answer.
  lifecycle.stopping.addEventListener('abort', () => void runner.stop({ byDefect: lifecycle.stopsByDefect }));
  const app = createApp({
    config,
    door,
    lifecycle,
    registry,
    jobs: runner,
    gpu: () => gpu,
    workFolders,
    proxyMetrics,
    requestMetrics,
    flights,
    uses,
    taskMetrics,
    taskThreads,
    telemetry,
  });
  openApiText(config);
  await serveHttp({
    title: 'Vitrine',
    config,
    port: { value: config.servicePort, setting: 'VITRINE_PORT' },
    server: createHttpServer(config, lifecycle, app, requestMetrics),
    doorNote: door.note,
    lifecycle,
    telemetry,
    prepare: async () => {
      await registry.start();
      await runner.start();
    },
    closeFirst: async () => {
      logSums();
      await jobs?.[Symbol.asyncDispose]();
      await taskThreads[Symbol.asyncDispose]();
      await Promise.all([registry[Symbol.asyncDispose](), gpu.stop()]);
    },
    closeLast: () => data[Symbol.dispose](),
  });
});
