import { Door } from './api/door.ts';
import { createHttpServer } from './api/http-server.ts';
import { createApp } from './app.ts';
import { readConfig } from './config.ts';
import { observedBy, unobserved } from './engine/engine-observer.ts';
import { Registry } from './engine/registry.ts';
import { Lifecycle } from './lifecycle.ts';
import { serveHttp, startOrExplain } from './serve-http.ts';
import { TaskThreads } from './tasks/threads/task-threads.ts';
import { EngineMetrics } from './telemetry/engine-metrics.ts';
import { FlightRecorder } from './telemetry/flight/flight-recorder.ts';
import { noGpu, startGpu } from './telemetry/gpu/start-gpu.ts';
import { RequestMetrics } from './telemetry/request-metrics.ts';
import { startTelemetry } from './telemetry/start.ts';
import { TaskMetrics } from './telemetry/task-metrics.ts';

// Start reads down, stop runs up: telemetry is first in and last out.

await startOrExplain(async () => {
  const config = readConfig();
  const door = await Door.open(config);
  const requestMetrics = new RequestMetrics();
  const engineMetrics = new EngineMetrics(requestMetrics);
  const taskMetrics = new TaskMetrics();
  let gpu = noGpu();
  const telemetry = await startTelemetry(config, {
    name: 'vitrine',
    folder: 'service',
    host: true,
    aggregated: () => [
      ...engineMetrics.collect(),
      ...requestMetrics.collect(),
      ...taskMetrics.collect(),
      ...gpu.metrics(),
    ],
  });
  gpu = startGpu(config);
  const lifecycle = new Lifecycle();
  const flights = config.telemetryOff
    ? undefined
    : new FlightRecorder({ recordsMax: config.flightRecordsMax, batchesMax: config.flightBatchesMax, minutesMax: 60 });
  const registry = new Registry(config, flights ? observedBy(engineMetrics, flights) : unobserved);
  engineMetrics.watch(registry);
  const taskThreads = new TaskThreads(config);
  const app = createApp({ config, door, lifecycle, registry, requestMetrics, flights, telemetry });
  await serveHttp({
    title: 'Vitrine',
    config,
    port: { value: config.servicePort, setting: 'VITRINE_PORT' },
    server: createHttpServer(config, lifecycle, app, requestMetrics),
    lifecycle,
    telemetry,
    prepare: () => registry.start(),
    closeFirst: async () => {
      await taskThreads[Symbol.asyncDispose]();
      await Promise.all([registry[Symbol.asyncDispose](), gpu.stop()]);
    },
  });
});
