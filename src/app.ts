import express, { type Express, type Request, type Response } from 'express';
import type { AccessControl } from './api/access/access-control.ts';
import { type Budgets, makeBudgets, observeBudgets } from './api/access/budgets.ts';
import type { Client } from './api/access/clients.ts';
import { guardRoute } from './api/access/guard-route.ts';
import { SignIn } from './api/access/identity/sign-in.ts';
import type { ProxyMetrics } from './api/backends-proxy/proxy-metrics.ts';
import { readBackend } from './api/backends-proxy/read-backend.ts';
import { front } from './api/front.ts';
import type { GrpcServerParts } from './api/grpc/grpc-server.ts';
import { RpcMetrics } from './api/grpc/rpc-metrics.ts';
import { health, healthDetailed, live, ready } from './api/health/health.ts';
import { HealthChecks } from './api/health/health-checks.ts';
import { logSystemMetrics } from './api/health/log-system-metrics.ts';
import { infer } from './api/inference/infer.ts';
import { observeInFlight } from './api/inference/observe-in-flight.ts';
import { Permits } from './api/inference/permits.ts';
import { Profiles } from './api/inference/profile-request.ts';
import { followJob } from './api/jobs/follow-job.ts';
import { cancelJob, deleteJob, jobFile, jobResult, listJobs, showJob } from './api/jobs/job-routes.ts';
import { serveMcp } from './api/mcp/mcp-route.ts';
import { isOwnQuestion, OwnRoutes } from './api/mcp/own-routes.ts';
import {
  allStatistics,
  modelConfig,
  modelMetadataOf,
  modelReady,
  modelStatistics,
} from './api/models/model-information.ts';
import { loadModel, repositoryIndex, unloadModel } from './api/models/model-repository.ts';
import { serverMetadata } from './api/models/server-metadata.ts';
import { InferCodec } from './api/open-inference/infer-codec.ts';
import { docsFile, docsPage, openApi } from './api/openapi/docs-page.ts';
import { DashboardFiles } from './api/page/dashboard-files.ts';
import { listClients } from './api/page/page-clients.ts';
import { listDashboards, pageFacts, showDashboard, showRunbook } from './api/page/page-files.ts';
import { showReference } from './api/page/page-reference.ts';
import { servePage } from './api/page/serve-page.ts';
import { finishSignIn, showSignIn } from './api/page/sign-in-routes.ts';
import { endSilence, silenceAlerts } from './api/page/silences.ts';
import { JobsElsewhere } from './api/processes/jobs-elsewhere.ts';
import { type MakeChange, makeChanges, shareChanges } from './api/processes/make-changes.ts';
import { Others } from './api/processes/others.ts';
import { SequencesElsewhere } from './api/processes/sequences-elsewhere.ts';
import type { Replicas } from './api/replicas/replicas.ts';
import { listBatches } from './api/requests/batches-routes.ts';
import { compareRequests } from './api/requests/compare-routes.ts';
import { distributeRequests } from './api/requests/distribution-routes.ts';
import { hereOrElsewhere, listRequests, showRequest, summarizeRequests } from './api/requests/flight-routes.ts';
import { runOneAlone } from './api/requests/run-alone-route.ts';
import { blameForRequest, explainRequest, showBlame } from './api/requests/why-routes.ts';
import { inferenceRoutes, pageRoutes, routedRoutes, type Word } from './api/routes.ts';
import { LogSettings } from './api/settings/log-settings.ts';
import {
  changeLogSettings,
  changeTraceSettings,
  showLogSettings,
  showTraceSettings,
} from './api/settings/settings-routes.ts';
import { TraceSettingsStore } from './api/settings/trace-settings.ts';
import { taskRoute } from './api/tasks/task-route.ts';
import { replayWhatIf } from './api/what-if/what-if-routes.ts';
import type { Config } from './config.ts';
import type { Registry } from './engine/registry/registry.ts';
import { ServiceError } from './errors.ts';
import { addRoutes, refuseRoutesWithoutWord } from './http/add-routes.ts';
import { answerError, answerNotFound } from './http/answer-error.ts';
import { BodyReader } from './http/body-reader.ts';
import type { Caller } from './http/caller.ts';
import { extendMessages } from './http/extend-messages.ts';
import type { MakeExchange } from './http/http-exchange.ts';
import { serviceLimits } from './http/http-limits.ts';
import { metricsLiveElsewhere } from './http/metrics-elsewhere.ts';
import { isPassed, joinCaller, recognizePassed } from './http/passed-request.ts';
import type { ServedApp } from './http/served-app.ts';
import { type ServerTls, schemeOf } from './http/tls/server-tls.ts';
import { requestTrace } from './http/trace-request.ts';
import { trustedProxies } from './http/trusted-proxies.ts';
import type { JobQueue } from './jobs/job-queue.ts';
import type { WorkFolders } from './jobs/work-folders.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { FlightRecorder } from './observe/flight/flight-recorder.ts';
import { RequestTable } from './observe/flight/request-table.ts';
import { TraceKeeper } from './observe/keep-trace.ts';
import type { ModelUses } from './observe/model-uses.ts';
import type { RequestMetrics } from './observe/request-metrics.ts';
import { SlowExplainer } from './observe/why/explain-slow.ts';
import type { Seat } from './processes/seat.ts';
import type { Telemetry } from './running-telemetry.ts';
import type { TaskMetrics } from './tasks/task-metrics.ts';
import type { TaskThreads } from './tasks/threads/task-threads.ts';
import type { Gpu } from './telemetry/host/gpu/start-gpu.ts';
import type { Meter } from './telemetry/meter.ts';

/** Every route there is. */
export function createApp(given: {
  config: Config;
  meter: Meter;
  access: AccessControl;
  tls: ServerTls;
  lifecycle: Lifecycle;
  registry: Registry;
  jobs: JobQueue | JobsElsewhere;
  gpu?: () => Gpu;
  workFolders: WorkFolders;
  proxyMetrics: ProxyMetrics;
  requestMetrics: RequestMetrics;
  /** Absent when all telemetry is off. */
  flights?: FlightRecorder | undefined;
  uses: ModelUses;
  taskMetrics: TaskMetrics;
  taskThreads: TaskThreads;
  telemetry: Telemetry;
  makeExchange: MakeExchange;
  /** Its place among several processes. */
  seat?: Seat | undefined;
  /** Those that share its database. */
  replicas?: Replicas | undefined;
}): ServedApp & {
  readonly express: Express;
  readonly budgets: Budgets;
  readonly changes: MakeChange;
  readonly grpc: GrpcServerParts;
} {
  const { config, flights, requestMetrics, seat } = given;
  const app = express();
  const budgets = makeBudgets(config);
  extendMessages(app, budgets.answers);
  const exchange = given.makeExchange(app, config.keepAliveMs);
  const traceSettings = new TraceSettingsStore();
  const logSettings = new LogSettings(config.logLevel);
  const shared = { registry: given.registry, access: given.access, traceSettings, logSettings };
  const changes = makeChanges(shared, seat);
  if (seat) shareChanges(seat, shared, changes);
  const parts = {
    ...given,
    changes,
    others: (seat ?? given.replicas) && new Others(seat, given.replicas),
    sequences: seat && new SequencesElsewhere(seat, config),
    flights,
    exchange,
    bodies: new BodyReader(serviceLimits(config), exchange),
    budgets,
    dashboards: new DashboardFiles(config.dashboards),
    permits: new Permits(config, 'inference'),
    taskPermits: new Permits(config, 'tasks'),
    healthChecks: new HealthChecks(given),
    traceSettings,
    profiles: new Profiles({ config, access: given.access, traceSettings }),
    logSettings,
    codec: new InferCodec(config),
    signIn:
      given.access.identities && config.oidcClientId !== '' ? new SignIn(config, given.access.identities) : undefined,
  };
  observeInFlight(given.meter, parts.permits, given.registry);
  const { bodies, permits, taskPermits, codec } = parts;
  given.meter.gauge('activeConnections', (observe) => observe(budgets.connections.taken));
  given.meter.gauge('httpExchange', (observe) => observe(1, exchange.name));
  observeBudgets(
    given.meter,
    [
      ...Object.values(budgets),
      given.workFolders.budget,
      given.workFolders.kept.budget,
      bodies.budget,
      permits.all,
      taskPermits.all,
      codec.budget,
      ...Object.values(given.registry.sequenceBudgets),
    ],
    [permits.ofModels, taskPermits.ofModels],
  );
  seat?.beat(() => parts.healthChecks.beat(permits.inFlight, !(given.jobs instanceof JobsElsewhere)));
  logSystemMetrics(parts.healthChecks, config.systemMetricsLogMs, given.lifecycle.stopping);
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustedProxies(config));
  const tracing = config.telemetryOff
    ? undefined
    : {
        scheme: schemeOf(given.tls),
        metrics: requestMetrics,
        keeper: traceKeeper(),
        table: flights?.table ?? new RequestTable(),
        flights,
        uses: given.uses,
        slow: flights && new SlowExplainer(flights),
      };

  const guard = guardRoute(admit);
  addRoutes(app, {
    table: routedRoutes,
    guard,
    added: (path, verbs) => requestMetrics.beginRoute(path, verbs),
    handlers: {
      '/v1/separate': { post: taskRoute('separate', parts) },
      '/v1/generate': { post: taskRoute('generate', parts) },
      '/v1/score': { post: taskRoute('score', parts) },
      '/v1/microstructure': { post: taskRoute('microstructure', parts) },
      '/v1/speech': { post: taskRoute('speech', parts) },
      '/separate': { post: taskRoute('separate', parts) },

      '/live': { get: live(parts) },
      '/ready': { get: ready(parts) },
      '/health': { get: health(parts) },
      '/health/detailed': { get: healthDetailed(parts) },
      '/metrics': { get: metricsLiveElsewhere(parts) },

      '/v2': { get: serverMetadata },
      '/v2/health/live': { get: live(parts) },
      '/v2/health/ready': { get: ready(parts) },
      '/v2/models/stats': { get: allStatistics(parts) },
      '/v2/models/:model': { get: modelMetadataOf(parts) },
      '/v2/models/:model/ready': { get: modelReady(parts) },
      '/v2/models/:model/config': { get: modelConfig(parts) },
      '/v2/models/:model/stats': { get: modelStatistics(parts) },
      '/v2/models/:model/versions/:version': { get: modelMetadataOf(parts) },
      '/v2/models/:model/versions/:version/ready': { get: modelReady(parts) },
      '/v2/models/:model/versions/:version/config': { get: modelConfig(parts) },
      '/v2/models/:model/versions/:version/stats': { get: modelStatistics(parts) },
      '/v2/repository/index': { post: repositoryIndex(parts) },
      '/v2/repository/models/:model/load': { post: loadModel(parts) },
      '/v2/repository/models/:model/unload': { post: unloadModel(parts) },
      '/v2/trace/setting': { get: showTraceSettings(parts), post: changeTraceSettings(parts) },
      '/v2/models/:model/trace/setting': { get: showTraceSettings(parts), post: changeTraceSettings(parts) },
      '/v2/logging': { get: showLogSettings(parts), post: changeLogSettings(parts) },

      '/v1/requests': { get: listRequests(parts) },
      '/v1/requests/summary': { get: summarizeRequests(parts) },
      '/v1/requests/compare': { post: compareRequests(parts) },
      '/v1/requests/distribution': { get: distributeRequests(parts) },
      '/v1/batches': { get: listBatches(parts) },
      '/v1/blame': { get: showBlame(parts) },
      '/v1/what-if': { post: replayWhatIf(parts) },
      '/v1/requests/:id': { get: showRequest(parts) },
      '/v1/requests/:id/why': { get: hereOrElsewhere(parts.others, explainRequest(parts)) },
      '/v1/requests/:id/blame': { get: hereOrElsewhere(parts.others, blameForRequest(parts)) },
      '/v1/requests/:id/alone': { post: runOneAlone(parts) },
      '/v1/jobs': { get: ofJobs(listJobs) },
      '/v1/jobs/:id': { get: ofJobs(showJob), delete: ofJobs(deleteJob) },
      '/v1/jobs/:id/events': { get: ofJobs(followJob) },
      '/v1/jobs/:id/cancel': { post: ofJobs(cancelJob) },
      '/v1/jobs/:id/result': { get: ofJobs(jobResult) },
      '/v1/jobs/:id/files/:name': { get: ofJobs(jobFile) },
      '/mcp': { post: serveMcp({ ...parts, own: () => own }) },
      '/openapi.json': { get: openApi(parts) },
      '/docs': { get: docsPage },
      '/docs/:file': { get: docsFile },
    },
  });

  if (config.pageOn) {
    const page = servePage();
    addRoutes(app, {
      table: pageRoutes,
      guard,
      handlers: {
        '/': { get: page },
        '/assets/:file': { get: page },
        '/page/facts': { get: pageFacts(parts) },
        '/page/health': { get: healthDetailed(parts) },
        '/page/reference': { get: showReference(parts) },
        '/page/clients': { get: listClients(parts) },
        '/page/sign-in': { get: showSignIn(parts), post: finishSignIn(parts) },
        '/page/silences': { post: silenceAlerts(parts) },
        '/page/silences/:id': { delete: endSilence(parts) },
        '/page/dashboards': { get: listDashboards(parts) },
        '/page/dashboards/:uid': { get: showDashboard(parts) },
        '/page/runbooks/:name': { get: showRunbook(parts) },
        '/backends/:backend/*path': { get: readBackend(parts) },
      },
    });
  }
  refuseRoutesWithoutWord(app, [routedRoutes, pageRoutes]);

  app.use(answerNotFound('/openapi.json says which there are, and /docs shows them'));
  app.use(answerError);
  for (const path of Object.keys(inferenceRoutes)) requestMetrics.beginRoute(path, ['POST']);
  const { identities } = given.access;
  const serve = front({ tracing, identities, infer: infer(parts), express: app });
  const own = new OwnRoutes(serve, exchange);
  const grpc = {
    ...parts,
    tracing,
    rpcMetrics: new RpcMetrics(given.meter),
    answers: budgets.answers,
    connections: budgets.connections,
    metrics: requestMetrics,
    stopping: given.lifecycle.stopping,
    addressOf,
  };
  return {
    serve: seat ? recognizePassed(serve, seat.facts.secret) : serve,
    express: app,
    budgets,
    exchange,
    changes,
    grpc,
  };

  /** As Express reads it of its own requests. */
  function addressOf({ headers, socket }: Pick<Caller, 'headers' | 'socket'>): string | undefined {
    return Object.create(app.request, { headers: { value: headers }, socket: { value: socket } }).ip;
  }

  /** Where another process has the jobs, it is asked. */
  function ofJobs(handler: (of: typeof parts & { jobs: JobQueue }) => JobHandler): JobHandler {
    const { jobs } = parts;
    if (jobs instanceof JobsElsewhere) return (request, response) => jobs.pass(request, response);
    return handler({ ...parts, jobs });
  }

  function admit(word: Word, request: Request, response: Response): Client | undefined {
    const { model } = request.params as { model?: string };
    if (isOwnQuestion(request)) requestTrace(response).isLook = true;
    if (isPassed(request)) {
      joinCaller(request, response);
      return given.access.admit(withoutQuota(word), request, response, model);
    }
    try {
      return given.access.admit(word, request, response, model);
    } catch (error) {
      if (
        error instanceof ServiceError &&
        error.code === 'rate_limited' &&
        word.may === 'client' &&
        word.quota === 'page'
      )
        given.proxyMetrics.overQuota(request.params.backend as string);
      throw error;
    }
  }

  function traceKeeper(): TraceKeeper {
    return new TraceKeeper({
      firstPerSecond: config.traceFirstPerSecond,
      slowMs: config.traceSlowMs,
      forcedPerSecond: config.traceForcedPerSecond,
      troublePerSecond: config.traceTroublePerSecond,
      sharePercent: config.clientSharePercent,
      settings: (model) => traceSettings.of(model),
    });
  }
}

type JobHandler = (request: Request, response: Response, client: Client) => Promise<void>;

/** It was taken from the quota where the request came in. */
function withoutQuota(word: Word): Word {
  return word.may === 'client' ? { may: 'client' } : word;
}
