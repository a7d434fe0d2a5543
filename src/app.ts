import express, { type RequestHandler } from 'express';
import { answerError, answerMethodNotAllowed, answerNotFound } from './api/answer-error.ts';
import type { ProxyMetrics } from './api/backends-proxy/proxy-metrics.ts';
import { readBackend } from './api/backends-proxy/read-backend.ts';
import { BodyReader } from './api/body-reader.ts';
import { makeBudgets, observeBudgets } from './api/budgets.ts';
import type { Door } from './api/door.ts';
import { listRequests, showRequest, summarizeRequests } from './api/flight-routes.ts';
import { health, healthDetailed, live, ready } from './api/health.ts';
import { HealthChecks } from './api/health-checks.ts';
import { infer, routedInfer } from './api/infer.ts';
import { inferStraight, type ServedApp } from './api/infer-straight.ts';
import { followJob } from './api/jobs/follow-job.ts';
import { cancelJob, deleteJob, jobFile, jobResult, listJobs, showJob } from './api/jobs/job-routes.ts';
import { LogSettings } from './api/log-settings.ts';
import { metricsLiveElsewhere } from './api/metrics-elsewhere.ts';
import { allStatistics, modelConfig, modelMetadataOf, modelReady, modelStatistics } from './api/model-information.ts';
import { loadModel, repositoryIndex, unloadModel } from './api/model-repository.ts';
import { observeInFlight } from './api/observe-in-flight.ts';
import { docsFile, docsPage, openApi } from './api/openapi/docs-page.ts';
import { listDashboards, pageFacts, showDashboard, showRunbook } from './api/page/page-files.ts';
import { servePage } from './api/page/serve-page.ts';
import { Permits } from './api/permits.ts';
import { Profiles } from './api/profile-request.ts';
import { serverMetadata } from './api/server-metadata.ts';
import { changeLogSettings, changeTraceSettings, showLogSettings, showTraceSettings } from './api/settings-routes.ts';
import { taskRoute } from './api/tasks/task-route.ts';
import { requestTrace, traceRequest } from './api/trace-request.ts';
import { TraceSettingsStore } from './api/trace-settings.ts';
import { trustedProxies } from './api/trusted-proxies.ts';
import type { Config } from './config.ts';
import type { Registry } from './engine/registry.ts';
import type { JobRunner } from './jobs/job-runner.ts';
import type { WorkFolders } from './jobs/work-folders.ts';
import type { Lifecycle } from './lifecycle.ts';
import { taskKinds } from './tasks/task.ts';
import type { TaskThreads } from './tasks/threads/task-threads.ts';
import type { Cost } from './telemetry/cost.ts';
import type { FlightRecorder } from './telemetry/flight/flight-recorder.ts';
import { TraceKeeper } from './telemetry/keep-trace.ts';
import type { RequestMetrics } from './telemetry/request-metrics.ts';
import type { Telemetry } from './telemetry/start.ts';
import type { TaskMetrics } from './telemetry/task-metrics.ts';

/** Every route there is. */
export function createApp(given: {
  config: Config;
  door: Door;
  lifecycle: Lifecycle;
  registry: Registry;
  jobs: JobRunner;
  workFolders: WorkFolders;
  proxyMetrics: ProxyMetrics;
  requestMetrics: RequestMetrics;
  /** Absent when all telemetry is off. */
  flights?: FlightRecorder | undefined;
  cost?: Cost | undefined;
  taskMetrics: TaskMetrics;
  taskThreads: TaskThreads;
  telemetry: Telemetry;
}): ServedApp {
  const { config, flights, requestMetrics } = given;
  const traceSettings = new TraceSettingsStore();
  const parts = {
    ...given,
    flights,
    bodies: new BodyReader(config),
    budgets: makeBudgets(config),
    permits: new Permits(config, 'inference'),
    taskPermits: new Permits(config, 'tasks'),
    healthChecks: new HealthChecks(given),
    traceSettings,
    profiles: new Profiles({ config, door: given.door, traceSettings }),
    logSettings: new LogSettings(config.logLevel),
  };
  observeInFlight(parts.permits, given.registry);
  const { bodies, budgets, permits, taskPermits } = parts;
  observeBudgets(
    [bodies.budget, budgets.answers, budgets.followers, permits.all, taskPermits.all],
    [permits.ofModels, taskPermits.ofModels],
  );
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustedProxies(config));
  const tracing = config.telemetryOff
    ? undefined
    : { metrics: requestMetrics, keeper: traceKeeper(), flights, cost: given.cost };
  app.use(traceRequest(tracing));

  // Asked thirty thousand times a second: in its plain form it is answered before Express sees it (api/infer-straight.ts).
  const inferring = infer(parts);
  const straight = inferStraight(tracing, inferring);
  route('/v2/models/:model/infer', { post: routedInfer(inferring) });
  route('/v2/models/:model/versions/:version/infer', { post: routedInfer(inferring) });

  for (const kind of taskKinds) route(`/v1/${kind}`, { post: taskRoute(kind, parts) });
  // The name that it has elsewhere.
  route('/separate', { post: taskRoute('separate', parts) });

  route('/live', { get: live(parts) });
  route('/ready', { get: ready(parts) });
  route('/health', { get: health(parts) });
  route('/health/detailed', { get: healthDetailed(parts) });
  route('/metrics', { get: metricsLiveElsewhere(parts) });

  route('/v2', { get: serverMetadata(parts) });
  route('/v2/health/live', { get: live(parts) });
  route('/v2/health/ready', { get: ready(parts) });
  route('/v2/models/stats', { get: allStatistics(parts) });
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    route(model, { get: modelMetadataOf(parts) });
    route(`${model}/ready`, { get: modelReady(parts) });
    route(`${model}/config`, { get: modelConfig(parts) });
    route(`${model}/stats`, { get: modelStatistics(parts) });
  }
  route('/v2/repository/index', { post: repositoryIndex(parts) });
  route('/v2/repository/models/:model/load', { post: loadModel(parts) });
  route('/v2/repository/models/:model/unload', { post: unloadModel(parts) });
  for (const path of ['/v2/trace/setting', '/v2/models/:model/trace/setting'])
    route(path, { get: showTraceSettings(parts), post: changeTraceSettings(parts) });
  route('/v2/logging', { get: showLogSettings(parts), post: changeLogSettings(parts) });

  route('/v1/requests', { get: listRequests(parts) });
  route('/v1/requests/summary', { get: summarizeRequests(parts) });
  route('/v1/requests/:id', { get: showRequest(parts) });
  route('/v1/jobs', { get: listJobs(parts) });
  route('/v1/jobs/:id', { get: showJob(parts), delete: deleteJob(parts) });
  route('/v1/jobs/:id/events', { get: followJob(parts) });
  route('/v1/jobs/:id/cancel', { post: cancelJob(parts) });
  route('/v1/jobs/:id/result', { get: jobResult(parts) });
  route('/v1/jobs/:id/files/:name', { get: jobFile(parts) });
  route('/openapi.json', { get: openApi(parts) });
  route('/docs', { get: docsPage });
  route('/docs/:file', { get: docsFile });

  if (config.pageOn) {
    const page = servePage();
    look('/', page);
    look('/assets/:file', page);
    look('/page/facts', pageFacts(parts));
    look('/page/dashboards', listDashboards(parts));
    look('/page/dashboards/:uid', showDashboard(parts));
    look('/page/runbooks/:name', showRunbook(parts));
    look('/backends/:backend/*path', readBackend(parts));
  }

  app.use(answerNotFound);
  app.use(answerError);
  return { express: app, straight };

  function traceKeeper(): TraceKeeper {
    return new TraceKeeper({
      firstPerSecond: config.traceFirstPerSecond,
      slowMs: config.traceSlowMs,
      forcedPerSecond: config.traceForcedPerSecond,
      troublePerSecond: config.traceTroublePerSecond,
      settings: (model) => traceSettings.of(model),
    });
  }

  /** Of the page: looking leaves nothing to see, or whoever watches would be what is watched. What it asks of the backends is counted apart. */
  function look(path: string, handler: RequestHandler): void {
    const on = app.route(path);
    on.get((request, response, next) => {
      requestTrace(response).isLook = true;
      return handler(request, response, next);
    });
    on.all(answerMethodNotAllowed({ get: handler }));
  }

  function route(
    path: string,
    handlers: { get?: RequestHandler; post?: RequestHandler; delete?: RequestHandler },
  ): void {
    const on = app.route(path);
    if (handlers.get) on.get(handlers.get);
    if (handlers.post) on.post(handlers.post);
    if (handlers.delete) on.delete(handlers.delete);
    on.all(answerMethodNotAllowed(handlers));
    requestMetrics.beginRoute(
      path,
      Object.keys(handlers).map((verb) => verb.toUpperCase()),
    );
  }
}
