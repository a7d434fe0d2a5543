import { AccessControl } from './api/access/access-control.ts';
import { DatabaseQuotas } from './api/access/database-quotas.ts';
import type { SharedQuotas } from './api/access/quota-bucket.ts';
import { ProxyMetrics } from './api/backends-proxy/proxy-metrics.ts';
import type { GrpcServerParts } from './api/grpc/grpc-server.ts';
import { createGrpcServer } from './api/grpc/grpc-server.ts';
import { openApiText } from './api/openapi/docs-page.ts';
import { JobsElsewhere, jobsProcess } from './api/processes/jobs-elsewhere.ts';
import type { MakeChange } from './api/processes/make-changes.ts';
import { replicaServer } from './api/replicas/replica-port.ts';
import { Replicas } from './api/replicas/replicas.ts';
import { inferenceRpcs } from './api/routes.ts';
import { createApp } from './app.ts';
import type { Config } from './config.ts';
import { shareCores } from './cores-of-process.ts';
import { type DataFolder, openDataFolder } from './data-folder.ts';
import { observedBy } from './engine/engine-observer.ts';
import { repositoryOf } from './engine/registry/one-model.ts';
import { Registry } from './engine/registry/registry.ts';
import { chooseExchange } from './http/choose-exchange.ts';
import { ownPort } from './http/entrance.ts';
import { serviceLimits } from './http/http-limits.ts';
import { createHttpServer } from './http/http-server.ts';
import { listenOn } from './http/listen-on.ts';
import { logSums } from './http/log-or-sum.ts';
import { type BesidePort, serveHttp } from './http/serve-http.ts';
import type { ServedApp } from './http/served-app.ts';
import { ServerTls } from './http/tls/server-tls.ts';
import { openJobs } from './jobs/open-jobs.ts';
import { performTask } from './jobs/perform-task.ts';
import { WorkFolders } from './jobs/work-folders.ts';
import { Lifecycle } from './lifecycle.ts';
import { batchSpans } from './observe/batch-spans.ts';
import { BlameMetrics } from './observe/blame/blame-metrics.ts';
import { Cost } from './observe/cost.ts';
import { EngineMetrics } from './observe/engine-metrics.ts';
import { FlightRecorder } from './observe/flight/flight-recorder.ts';
import { GpuShare } from './observe/gpu-share.ts';
import { ModelUses } from './observe/model-uses.ts';
import { observePlaces } from './observe/place-metrics.ts';
import { RequestMetrics } from './observe/request-metrics.ts';
import { openDatabase } from './postgres/open-database.ts';
import { adoptSpools } from './processes/adopt-spools.ts';
import { processPart } from './processes/process-part.ts';
import type { Seat } from './processes/seat.ts';
import { sharedBeside, sharedEntrance } from './processes/shared-entrance.ts';
import { TaskMetrics } from './tasks/task-metrics.ts';
import { possibleTasks } from './tasks/task-model.ts';
import { TaskThreads } from './tasks/threads/task-threads.ts';
import { startTelemetry } from './telemetry/export/start.ts';
import { startGpu } from './telemetry/host/gpu/start-gpu.ts';
import { MachineRecord } from './telemetry/host/machine-record.ts';
import { instanceId } from './telemetry/instance.ts';
import { Meter } from './telemetry/meter.ts';

type Opened = Awaited<ReturnType<typeof open>>;

/**
 * Serves requests until the process is asked to stop; `seat` is its place among several processes.
 * Start reads down, stop runs up: telemetry is first in and last out.
 */
export async function serve(given: Config, seat?: Seat): Promise<void> {
  const part = seat?.part ?? processPart(1);
  // Before anything in it is touched: who comes second must change nothing.
  const data = openDataFolder({ data: given.data, part, who: 'service', waitMs: seat ? given.stopMsMax : 0 });
  const isFirst = seat === undefined || seat.isFirst;
  if (seat) shareCores(seat.facts.count);
  if (isFirst) await adoptSpools(given.data, seat?.facts.count ?? 1);
  const config = Object.freeze({ ...given, models: await repositoryOf(given, part) });
  const opened = await open({ config, seat, data, part, isFirst });
  const app = createApp({
    ...opened,
    config,
    jobs: opened.jobs?.queue ?? new JobsElsewhere(seat!, config),
    gpu: () => opened.gpu,
    seat,
  });
  openApiText(config);
  const { lifecycle, telemetry, tls } = opened;
  const instance = config.telemetryOff ? undefined : instanceId(data.path);
  const httpServer = (secured: ServerTls) =>
    createHttpServer(serviceLimits(config), lifecycle, app, opened.requestMetrics, secured);
  await serveHttp({
    title: 'Vitrine',
    config,
    entrance: seat
      ? sharedEntrance({ seat, lifecycle, instance, inner: tls.on ? httpServer(tls.plain) : undefined })
      : ownPort(config.bind, { value: config.servicePort, setting: 'VITRINE_PORT' }),
    server: httpServer(tls),
    tls,
    besides: [grpcPort(config, app.grpc, opened, seat), replicaPort(config, app, opened, seat)].filter(
      (port) => port !== undefined,
    ),
    portNote: portNote(seat, opened),
    lifecycle,
    telemetry,
    leaving: seat && { signal: seat.leaving, noticeMs: () => seat.noticeMs },
    prepare: () => prepare(opened, seat, app.changes),
    closeFirst: () => close(opened),
    closeLast: async () => {
      seat?.close();
      await data[Symbol.asyncDispose]();
    },
  });
}

function grpcPort(
  { bind, grpcPort: value }: Config,
  parts: GrpcServerParts,
  { requestMetrics }: Opened,
  seat: Seat | undefined,
): BesidePort | undefined {
  if (value === 0) return undefined;
  for (const path of inferenceRpcs) requestMetrics.beginRoute(path, ['POST']);
  const grpc = { ...createGrpcServer(parts), title: 'gRPC' };
  if (seat) return sharedBeside(seat, 'grpc', grpc);
  return { ...grpc, open: () => listenOn(grpc.server, bind, { value, setting: 'VITRINE_GRPC_PORT' }) };
}

function replicaPort(
  config: Config,
  app: ServedApp,
  { replicas, tls, lifecycle, requestMetrics: metrics }: Opened,
  seat: Seat | undefined,
): BesidePort | undefined {
  const { bind, replicaPort: value } = config;
  if (value === 0 || !replicas) return undefined;
  const port = replicaServer({ config, lifecycle, app, metrics, tls, replicas });
  if (seat) return sharedBeside(seat, 'replicas', port);
  return { ...port, open: () => listenOn(port.server, bind, { value, setting: 'VITRINE_REPLICA_PORT' }) };
}

/** Everything that requests need. */
async function open(of: { config: Config; seat: Seat | undefined; data: DataFolder; part: string; isFirst: boolean }) {
  const { config, seat, data, part, isFirst } = of;
  const meter = new Meter();
  const shared = await openShared(config, meter, seat);
  const { database } = shared;
  const tls = await ServerTls.open(config, meter);
  if (seat) observeProcesses(seat, meter);
  const requestMetrics = new RequestMetrics(meter, tls.on ? 'https' : 'http');
  const engineMetrics = new EngineMetrics(meter);
  const taskMetrics = new TaskMetrics(meter);
  const proxyMetrics = new ProxyMetrics(meter);
  const cost = new Cost(meter);
  const machine = new MachineRecord();
  const component = { name: 'vitrine', folder: part, host: isFirst, meter, machine };
  const telemetry = await startTelemetry(config, component);
  // Before the threads that stay: they take over the memory of the one that compares.
  const makeExchange = await chooseExchange(config);
  // The GPUs are the machine's: one process exports them, each reads them for its costs.
  const gpu = startGpu(config, isFirst ? meter : new Meter(), machine);
  const lifecycle = new Lifecycle();
  const { flights, blame } = recorderOf(config, meter, machine);
  const registry = flights
    ? new Registry(config, observedBy(engineMetrics, cost, flights), new GpuShare(() => gpu))
    : new Registry(config);
  engineMetrics.watch(registry);
  observePlaces(meter, registry.repository);
  requestMetrics.watch(registry);
  const taskThreads = new TaskThreads(config, meter);
  taskMetrics.watch(() => possibleTasks(registry));
  const uses = new ModelUses({ metrics: requestMetrics, cost, flights });
  const perform = performTask({ config, registry, threads: taskThreads, metrics: taskMetrics, uses });
  const jobs = hasJobs(config, seat)
    ? await openJobs(config, meter, perform, { part, clock: data.clock, database })
    : undefined;
  const workFolders = jobs?.folders ?? (await WorkFolders.open(config, meter, part));
  // What a process before has left; where there are jobs, their worker knows whose the folders are.
  if (!jobs) await workFolders.sweep({ work: new Set(), results: [] });
  // What runs goes back to the queue as soon as a stop begins: the time left is for requests that
  // wait for their answer.
  lifecycle.stopping.addEventListener('abort', () => void jobs?.worker.stop({ byDefect: lifecycle.stopsByDefect }));
  return {
    meter,
    ...shared,
    tls,
    lifecycle,
    registry,
    jobs,
    gpu,
    workFolders,
    proxyMetrics,
    requestMetrics,
    flights,
    blame,
    uses,
    taskMetrics,
    taskThreads,
    telemetry,
    makeExchange,
  };
}

/** What this process shares with others: the database, quotas, and answers about requests. */
async function openShared(config: Config, meter: Meter, seat: Seat | undefined) {
  const database = config.databaseUrl === '' ? undefined : await openDatabase(config, meter);
  const replicas = await Replicas.open(config, database);
  const quotas = database && new DatabaseQuotas(database, meter);
  const access = await AccessControl.open(config, meter, quotas ?? (seat && sharedQuotas(seat, meter)));
  quotas?.takeBack((ms) => access.takeUnusedQuotas(ms));
  return { database, replicas, quotas, access };
}

/** What remembers requests, and who counts their waits. */
function recorderOf(config: Config, meter: Meter, machine: MachineRecord) {
  if (config.telemetryOff) return {};
  const { flightRecordsMax: recordsMax, flightBatchesMax: batchesMax } = config;
  const flights = new FlightRecorder({ recordsMax, batchesMax, minutesMax: 60, machine });
  return { flights, blame: new BlameMetrics(meter, flights).begin() };
}

async function prepare({ registry, jobs }: Opened, seat: Seat | undefined, changes: MakeChange): Promise<void> {
  const state = await seat?.ask('state', {}, startMsMax);
  await registry.start(seat && { served: state?.models, watch: seat.isFirst ? watchFor(changes) : 'elsewhere' });
  await jobs?.worker.start();
  await seat?.ask('enter', {}, startMsMax);
}

async function close({ jobs, quotas, database, taskThreads, registry, gpu, blame }: Opened): Promise<void> {
  logSums();
  await jobs?.[Symbol.asyncDispose]();
  await quotas?.[Symbol.asyncDispose]();
  await database?.[Symbol.asyncDispose]();
  await taskThreads[Symbol.asyncDispose]();
  await Promise.all([registry[Symbol.asyncDispose](), gpu.stop()]);
  await blame?.[Symbol.asyncDispose]();
  batchSpans.settle();
}

function portNote(seat: Seat | undefined, { access }: Opened): string | undefined {
  const notes = [seat && `process ${seat.facts.number} of ${seat.facts.count}`, access.note];
  return notes.filter((one) => one !== undefined).join('; ') || undefined;
}

/** Changes of others come first, and a model may take long to load. */
const startMsMax = 24 * 60 * 60_000;
const leaseMsMax = 5_000;

function observeProcesses(seat: Seat, meter: Meter): void {
  meter.gauge('processesReady', (observe) =>
    observe(seat.whole.processes.filter(({ state }) => state === 'ready').length),
  );
  meter.observedCounter('processRestarts', (observe) => observe(seat.facts.restarts));
}

function sharedQuotas(seat: Seat, meter: Meter): SharedQuotas {
  const leases = meter.counter('quotaLeases');
  return {
    processes: seat.facts.count,
    lease: (bucket, perMinute) => async (wanted) => {
      try {
        const lease = await seat.ask('lease', { bucket, perMinute, wanted }, leaseMsMax);
        leases.series(lease.granted > 0 ? 'granted' : 'used_up').value += 1;
        return lease;
      } catch (error) {
        leases.series('unanswered').value += 1;
        throw error;
      }
    },
  };
}

/** One process watches the folder of models; what it sees all do. */
function watchFor(changes: MakeChange) {
  return {
    load: (name: string) => changes({ kind: 'model_load', name, config: () => undefined }),
    unload: (name: string) => changes({ kind: 'model_unload', name }),
  };
}

/** SQLite has one owner, the first of several processes. A database of replicas has many. */
function hasJobs({ databaseUrl }: Config, seat: Seat | undefined): boolean {
  return databaseUrl !== '' || seat === undefined || seat.facts.number === jobsProcess;
}
