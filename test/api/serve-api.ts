import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { Express } from 'express';
import { AccessControl } from '../../src/api/access/access-control.ts';
import type { Budgets } from '../../src/api/access/budgets.ts';
import { ProxyMetrics } from '../../src/api/backends-proxy/proxy-metrics.ts';
import { createGrpcServer } from '../../src/api/grpc/grpc-server.ts';
import { inferenceRoutes } from '../../src/api/routes.ts';
import { createApp } from '../../src/app.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { observedBy } from '../../src/engine/engine-observer.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { chooseExchange } from '../../src/http/choose-exchange.ts';
import type { ExchangeName } from '../../src/http/http-exchange.ts';
import { serviceLimits } from '../../src/http/http-limits.ts';
import { createHttpServer } from '../../src/http/http-server.ts';
import { ServerTls, schemeOf } from '../../src/http/tls/server-tls.ts';
import { type Jobs, openJobs } from '../../src/jobs/open-jobs.ts';
import { performTask } from '../../src/jobs/perform-task.ts';
import type { Perform } from '../../src/jobs/run-attempt.ts';
import { Lifecycle } from '../../src/lifecycle.ts';
import { Cost } from '../../src/observe/cost.ts';
import { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { ModelUses } from '../../src/observe/model-uses.ts';
import { RequestMetrics } from '../../src/observe/request-metrics.ts';
import { TaskMetrics } from '../../src/tasks/task-metrics.ts';
import { TaskThreads } from '../../src/tasks/threads/task-threads.ts';
import { startTelemetry } from '../../src/telemetry/export/start.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { writeModel, writePipeline } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

export type ServedApi = AsyncDisposable & {
  readonly port: number;
  readonly url: string;
  /** Of gRPC. */
  readonly grpcPort: number;
  /** Ends the port of gRPC in order, as a stop of the service does. */
  readonly stopGrpc: () => Promise<void>;
  /** What it does when that takes too long. */
  readonly cutGrpc: () => void;
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly lifecycle: Lifecycle;
  readonly budgets: Budgets;
  /** What is held now: inferences in flight, and bytes of bodies. */
  held(): { readonly inFlight: number; readonly bodyBytes: number };
  /** VITRINE_DATA. */
  readonly data: string;
  readonly meter: Meter;
  readonly taskThreads: TaskThreads;
  /** As in `get /v2/models/:model`. */
  readonly routes: readonly string[];
  fetch(path: string, init?: RequestInit): Promise<Response>;
};

/** Each suite of the protocol runs on both exchanges, with telemetry and without. */
export const waysToServe = [
  { observed: false, httpExchange: 'fast' },
  { observed: true, httpExchange: 'fast' },
  { observed: true, httpExchange: 'plain' },
] as const;

/** As in a suite's title. */
export function nameOfWay({ observed, httpExchange }: (typeof waysToServe)[number]): string {
  return `by the ${httpExchange} exchange, with telemetry ${observed ? 'on' : 'off'}`;
}

/**
 * The whole API over real models on a real socket. Telemetry is switched off; `observed`: it is on,
 * and goes no further than this process.
 */
export async function serveApi(
  models: Readonly<Record<string, { onnx?: Uint8Array; manifest?: unknown }>>,
  settings: Partial<Config> = {},
  {
    perform,
    observed = false,
    httpExchange = 'fast',
  }: { perform?: Perform; observed?: boolean; httpExchange?: ExchangeName } = {},
): Promise<ServedApi> {
  const folder = await temporaryFolder();
  for (const [name, { onnx, manifest }] of Object.entries(models)) {
    if (onnx) await writeModel(folder.path, name, onnx, { manifest });
    else await writePipeline(folder.path, name, manifest);
  }
  const config: Config = {
    ...readConfig({}),
    data: folder.path,
    models: folder.path,
    telemetryOff: true,
    logLevel: 'error',
    retryWaitMsFirst: 1,
    httpExchange,
    ...settings,
  };
  const meter = new Meter();
  const access = await AccessControl.open(config, meter);
  const tls = await ServerTls.open(config, meter);
  const telemetry = await startTelemetry(config, { name: 'vitrine', folder: 'service', host: true, meter });
  const lifecycle = new Lifecycle();
  const flights = observed ? new FlightRecorder({ recordsMax: 1000, batchesMax: 1000, minutesMax: 60 }) : undefined;
  const cost = observed ? new Cost(meter) : undefined;
  const registry = new Registry(config, flights && cost && observedBy(cost, flights));
  await registry.start();
  const taskThreads = new TaskThreads(config, meter);
  const taskMetrics = new TaskMetrics(meter);
  const requestMetrics = new RequestMetrics(meter);
  const uses = new ModelUses({ metrics: requestMetrics, cost, flights });
  const jobs = await openJobs(
    config,
    meter,
    perform ?? performTask({ config, registry, threads: taskThreads, metrics: taskMetrics, uses }),
  );
  await jobs.worker.start();
  lifecycle.becomeReady();
  const app = createApp({
    config: { ...config, telemetryOff: !observed },
    meter,
    access,
    tls,
    lifecycle,
    registry,
    proxyMetrics: new ProxyMetrics(meter),
    requestMetrics,
    taskMetrics,
    taskThreads,
    jobs: jobs.queue,
    workFolders: jobs.folders,
    telemetry,
    flights,
    uses,
    makeExchange: await chooseExchange(config),
  });
  const server = createHttpServer(serviceLimits(config), lifecycle, app, requestMetrics, tls);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const url = `${schemeOf(tls)}://127.0.0.1:${port}`;
  const grpc = createGrpcServer(app.grpc);
  grpc.server.listen(0, '127.0.0.1');
  await once(grpc.server, 'listening');
  return {
    port,
    url,
    grpcPort: (grpc.server.address() as AddressInfo).port,
    stopGrpc: () => grpc.close(),
    cutGrpc: () => grpc.cut(),
    registry,
    jobs,
    lifecycle,
    budgets: app.budgets,
    held: () => ({ inFlight: app.grpc.permits.inFlight, bodyBytes: app.grpc.bodies.budget.taken }),
    data: config.data,
    routes: [...Object.keys(inferenceRoutes).map((path) => `post ${path}`), ...routesOf(app.express)],
    meter,
    taskThreads,
    fetch: (path, init) => fetch(`${url}${path}`, init),
    [Symbol.asyncDispose]: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      grpc.cut();
      await Promise.all([closed, grpc.close()]);
      access[Symbol.dispose]();
      tls[Symbol.dispose]();
      await jobs[Symbol.asyncDispose]();
      await taskThreads[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Every verb that a path has a handler for. */
function routesOf(app: Express): string[] {
  return app.router.stack.flatMap(({ route }) =>
    route ? route.stack.flatMap(({ method }) => (method ? [`${method} ${route.path}`] : [])) : [],
  );
}

export type RawAnswer = { status: number; headers: string; body: string };

/**
 * Sends bytes as they are and reads one answer. `bytes` may come in pieces; the connection is
 * closed afterwards.
 */
export async function sendRaw(
  port: number,
  pieces: readonly (string | Buffer)[],
  { localAddress }: { localAddress?: string } = {},
): Promise<RawAnswer> {
  const socket = connect({ port, host: '127.0.0.1', ...(localAddress && { localAddress }) });
  try {
    // A server that refuses in the middle of a body may close before the whole body was written.
    socket.on('error', () => socket.destroy());
    for (const piece of pieces) socket.write(piece);
    return await readAnswer(socket);
  } finally {
    socket.destroy();
  }
}

export async function readAnswer(socket: Socket): Promise<RawAnswer> {
  let received = '';
  for await (const chunk of socket) {
    received += (chunk as Buffer).toString('latin1');
    const end = received.indexOf('\r\n\r\n');
    if (end < 0) continue;
    const headers = received.slice(0, end);
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(headers)?.[1]);
    if (status === 100) {
      received = received.slice(end + 4);
      continue;
    }
    const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
    const body = received.slice(end + 4);
    if (body.length >= length)
      return { status, headers, body: Buffer.from(body.slice(0, length), 'latin1').toString() };
  }
  throw new Error(`The connection ended after ${JSON.stringify(received.slice(0, 200))}`);
}

/** The bytes of a POST with a body. */
export function post(
  path: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string | number>> = {},
): Buffer {
  const bytes = Buffer.from(body as string);
  const lines = Object.entries({ Host: '127.0.0.1', 'Content-Length': bytes.length, ...headers })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return Buffer.concat([Buffer.from(`POST ${path} HTTP/1.1\r\n${lines}\r\n`, 'latin1'), bytes]);
}
