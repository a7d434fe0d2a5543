import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import { failureFields } from '../../http/failure-body.ts';
import { requestTrace } from '../../http/trace-request.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import type { ProcessStanding } from '../../processes/messages.ts';
import type { Seat } from '../../processes/seat.ts';
import { say } from '../../sentence.ts';
import { version } from '../../version.ts';
import type { Client } from '../access/clients.ts';
import type { Permits } from '../inference/permits.ts';
import type { ReplicaStanding, Replicas } from '../replicas/replicas.ts';
import type { Check, Shown } from './check.ts';
import { type HealthChecks, worst } from './health-checks.ts';

type Parts = {
  config: Config;
  lifecycle: Lifecycle;
  registry: Registry;
  healthChecks: HealthChecks;
  permits: Permits;
  /** Its place among several processes. */
  seat?: Seat | undefined;
  /** Those that share its database. */
  replicas?: Replicas | undefined;
};

/**
 * GET /live: the process works; 503 asks the supervisor to replace it. Of several, the first one
 * replaces the one that is stuck, and the whole goes on.
 */
export function live({ registry, seat }: Pick<Parts, 'registry' | 'seat'>) {
  return (_request: Request, response: Response): void => {
    if (!registry.healthy && !seat)
      throw new ServiceError(
        'not_ready',
        say`Cannot go on: ${registry.abandonedLanes} threads are stuck in a run that does not end; restart the process.`,
      );
    response.json({ status: 'alive', live: true });
  };
}

/**
 * GET /ready: the service takes work. It fails as soon as a stop has begun, before the port closes.
 * Several processes are ready once each has been, and as long as one takes work.
 */
export function ready({ lifecycle, healthChecks, seat }: Parts) {
  return async (_request: Request, response: Response): Promise<void> => {
    const checks = healthChecks.readiness(await healthChecks.see());
    if (seat ? seat.whole.ready : isFit(lifecycle, checks)) {
      response.json({ status: 'ready', ready: true, timestamp: new Date().toISOString(), checks });
      return;
    }
    const failed = Object.entries(checks).flatMap(([name, passed]) => (passed ? [] : [name]));
    const state = seat ? stateOfWhole(seat, lifecycle) : lifecycle.state;
    const message = `Cannot take work: the service is ${state}${failed.length > 0 ? `, and these checks fail: ${failed.join(', ')}` : ''}; GET /health/detailed says more.`;
    const trace = requestTrace(response);
    trace.failure = 'not_ready';
    // Who waits for a start or a stop asks until it is over: that is no request that failed.
    trace.isLook = state !== 'ready';
    response.setHeader('Retry-After', '1');
    response.status(503).json({
      status: 'not_ready',
      ready: false,
      timestamp: new Date().toISOString(),
      checks,
      ...failureFields('not_ready', message, trace.ids.traceId),
    });
  };
}

/** Whether the service takes work: what `ready` answers, for who asks by another protocol. */
export async function isReady({
  lifecycle,
  healthChecks,
  seat,
}: Pick<Parts, 'lifecycle' | 'healthChecks' | 'seat'>): Promise<boolean> {
  return seat ? seat.whole.ready : isFit(lifecycle, healthChecks.readiness(await healthChecks.see()));
}

function isFit({ state }: Lifecycle, checks: Readonly<Record<string, boolean>>): boolean {
  return state === 'ready' && Object.values(checks).every(Boolean);
}

/**
 * GET /health: the state in a few words. 503 only where the process has to be replaced, since
 * liveness probes ask this too. A stranger gets no names of models and no sizes of disks; a key
 * gets its own models.
 */
export function health({ config, lifecycle, registry, healthChecks, seat }: Parts) {
  return async (_request: Request, response: Response, client: Client | undefined): Promise<void> => {
    const seen = await healthChecks.see();
    const shown = shownTo(client);
    const model = healthChecks.models(seen, shown);
    const places = healthChecks.modelPlaces(seen, shown);
    const checks = {
      model,
      ...(places && { model_places: places }),
      disk: healthChecks.disk(seen, shown),
      memory: healthChecks.memory(seen, config.healthMemoryPercentMax),
      telemetry: healthChecks.telemetry(),
      api_keys: healthChecks.apiKeys(),
      certificates: healthChecks.certificates(),
    };
    const works = registry.healthy || seat !== undefined;
    response.status(works ? 200 : 503).json({
      ...standing(lifecycle, overall(Object.values(checks), works)),
      models_loaded: model.loaded,
      circuit_breakers: healthChecks.breakers(seen, shown),
      checks,
    });
  };
}

/** GET /health/detailed: everything there is to know; 503 when the service is not fit to serve. */
export function healthDetailed({ config, lifecycle, healthChecks, permits, seat, replicas }: Parts) {
  return async (_request: Request, response: Response, client: Client | undefined): Promise<void> => {
    const seen = await healthChecks.see();
    const shown = shownTo(client);
    const disk = healthChecks.disk(seen, shown);
    const memory = healthChecks.memory(seen, config.healthDetailedMemoryPercentMax);
    const cpu = healthChecks.cpu(seen);
    const models = healthChecks.models(seen, shown);
    const places = healthChecks.modelPlaces(seen, shown);
    const checks = {
      database: healthChecks.database(seen),
      models,
      ...(places && { model_places: places }),
      // The same under the name that others look for.
      model: models,
      gpu: healthChecks.gpu(seen, shown),
      system: { status: worst([cpu.status, memory.status, disk.status]), cpu, memory, disk },
      storage: disk,
      telemetry: healthChecks.telemetry(),
      api_keys: healthChecks.apiKeys(),
      certificates: healthChecks.certificates(),
    };
    const fit = seat ? seat.whole.ready : healthChecks.fit(seen);
    response.status(fit ? 200 : 503).json({
      ...standing(lifecycle, overall(Object.values(checks), fit)),
      state: seat ? stateOfWhole(seat, lifecycle) : lifecycle.state,
      requests_in_flight: seat
        ? seat.whole.processes.reduce((sum, { inFlight }) => sum + inFlight, 0)
        : permits.inFlight,
      ...(seat && {
        process: seat.facts.number,
        processes: seat.whole.processes.map((each) => processAnswer(each, shown)),
      }),
      ...(replicas && { replicas: (await replicas.all()).map((each) => replicaAnswer(each, shown)) }),
      models_loaded: models.loaded,
      circuit_breakers: healthChecks.breakers(seen, shown),
      checks,
    });
  };
}

function replicaAnswer({ name, version, address, startedMs }: ReplicaStanding, { sizes }: Shown) {
  return {
    version,
    started_at: new Date(startedMs).toISOString(),
    ...(sizes && { instance: name, address: address ?? null }),
  };
}

/** Ready as soon as it was once; until then it is as far as the process that is asked. */
function stateOfWhole({ whole, facts }: Seat, { state }: Lifecycle): Lifecycle['state'] {
  if (whole.stopping) return 'stopping';
  if (whole.ready) return 'ready';
  const all = whole.processes;
  const haveStarted = all.length === facts.count && all.every((each) => each.state === 'ready' || each.restarts > 0);
  return haveStarted && state === 'ready' ? 'ready' : 'starting';
}

function processAnswer(
  { number, pid, state, startedMs, restarts, instance, inFlight, connections }: ProcessStanding,
  { sizes }: Shown,
) {
  return {
    process: number,
    state,
    ...(sizes && { pid: pid ?? null, instance: instance ?? null }),
    started_at: new Date(startedMs).toISOString(),
    restarts,
    requests_in_flight: inFlight,
    connections,
  };
}

/** Everything to the administrator and to a machine without keys. */
function shownTo(client: Client | undefined): Shown {
  return { model: (name) => client !== undefined && (client.key?.mayUse(name) ?? true), sizes: client !== undefined };
}

/** `degraded`: a check fails, but the service can still serve. */
function overall(checks: readonly Check[], fit: boolean): 'healthy' | 'warning' | 'degraded' | 'unhealthy' {
  if (!fit) return 'unhealthy';
  const status = worst(checks.map((check) => check.status));
  return status === 'unhealthy' ? 'degraded' : status;
}

function standing(lifecycle: Lifecycle, status: string) {
  return {
    status,
    timestamp: new Date().toISOString(),
    uptime_seconds: Math.round((Date.now() - lifecycle.startedAt) / 10) / 100,
    version,
  };
}
