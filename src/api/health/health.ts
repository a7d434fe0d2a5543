import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import { failureFields } from '../../http/failure-body.ts';
import { requestTrace } from '../../http/trace-request.ts';
import type { Lifecycle } from '../../lifecycle.ts';
import { say } from '../../sentence.ts';
import { version } from '../../version.ts';
import type { Client } from '../access/clients.ts';
import type { Permits } from '../inference/permits.ts';
import { type Check, type HealthChecks, type Shown, worst } from './health-checks.ts';

type Parts = {
  config: Config;
  lifecycle: Lifecycle;
  registry: Registry;
  healthChecks: HealthChecks;
  permits: Permits;
};

/** GET /live: the process works; 503 asks the supervisor to replace it. */
export function live({ registry }: Pick<Parts, 'registry'>) {
  return (_request: Request, response: Response): void => {
    if (!registry.healthy)
      throw new ServiceError(
        'not_ready',
        say`Cannot go on: ${registry.abandonedLanes} threads are stuck in a run that does not end; restart the process.`,
      );
    response.json({ status: 'alive', live: true });
  };
}

/**
 * GET /ready: the service takes work. It fails as soon as a stop has begun, before the port closes.
 */
export function ready({ lifecycle, healthChecks }: Parts) {
  return async (_request: Request, response: Response): Promise<void> => {
    const checks = healthChecks.readiness(await healthChecks.see());
    if (lifecycle.state === 'ready' && Object.values(checks).every(Boolean)) {
      response.json({ status: 'ready', ready: true, timestamp: new Date().toISOString(), checks });
      return;
    }
    const failed = Object.entries(checks).flatMap(([name, passed]) => (passed ? [] : [name]));
    const message = `Cannot take work: the service is ${lifecycle.state}${failed.length > 0 ? `, and these checks fail: ${failed.join(', ')}` : ''}; GET /health/detailed says more.`;
    const trace = requestTrace(response);
    trace.failure = 'not_ready';
    // Who waits for a start or a stop asks until it is over: that is no request that failed.
    trace.isLook = lifecycle.state !== 'ready';
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

/**
 * GET /health: the state in a few words. 503 only where the process has to be replaced, since
 * liveness probes ask this too. A stranger gets no names of models and no sizes of disks; a key
 * gets its own models.
 */
export function health({ config, lifecycle, registry, healthChecks }: Parts) {
  return async (_request: Request, response: Response, client: Client | undefined): Promise<void> => {
    const seen = await healthChecks.see();
    const shown = shownTo(client);
    const model = healthChecks.models(seen, shown);
    const checks = {
      model,
      disk: healthChecks.disk(seen, shown),
      memory: healthChecks.memory(seen, config.healthMemoryPercentMax),
      telemetry: healthChecks.telemetry(),
      api_keys: healthChecks.apiKeys(),
      certificates: healthChecks.certificates(),
    };
    response.status(registry.healthy ? 200 : 503).json({
      ...standing(lifecycle, overall(Object.values(checks), registry.healthy)),
      models_loaded: model.loaded,
      circuit_breakers: healthChecks.breakers(seen, shown),
      checks,
    });
  };
}

/** GET /health/detailed: everything there is to know; 503 when the service is not fit to serve. */
export function healthDetailed({ config, lifecycle, healthChecks, permits }: Parts) {
  return async (_request: Request, response: Response, client: Client | undefined): Promise<void> => {
    const seen = await healthChecks.see();
    const shown = shownTo(client);
    const disk = healthChecks.disk(seen, shown);
    const memory = healthChecks.memory(seen, config.healthDetailedMemoryPercentMax);
    const cpu = healthChecks.cpu(seen);
    const models = healthChecks.models(seen, shown);
    const checks = {
      database: healthChecks.database(seen),
      models,
      // The same under the name that others look for.
      model: models,
      gpu: healthChecks.gpu(seen, shown),
      system: { status: worst([cpu.status, memory.status, disk.status]), cpu, memory, disk },
      storage: disk,
      telemetry: healthChecks.telemetry(),
      api_keys: healthChecks.apiKeys(),
      certificates: healthChecks.certificates(),
    };
    const fit = lifecycle.state === 'ready' && Object.values(healthChecks.readiness(seen)).every(Boolean);
    response.status(fit ? 200 : 503).json({
      ...standing(lifecycle, overall(Object.values(checks), fit)),
      state: lifecycle.state,
      requests_in_flight: permits.inFlight,
      models_loaded: models.loaded,
      circuit_breakers: healthChecks.breakers(seen, shown),
      checks,
    });
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
