import express, { type Request, type Response } from 'express';
import type { Config } from '../config.ts';
import { addRoutes, refuseRoutesWithoutWord } from '../http/add-routes.ts';
import { answerError, answerNotFound } from '../http/answer-error.ts';
import { BodyReader } from '../http/body-reader.ts';
import { receiverLimits } from '../http/http-limits.ts';
import { plainExchange } from '../http/plain-exchange.ts';
import type { ServedApp } from '../http/served-app.ts';
import { type ServerTls, schemeOf } from '../http/tls/server-tls.ts';
import { traceRequest } from '../http/trace-request.ts';
import { trustedProxies } from '../http/trusted-proxies.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { RequestTable } from '../observe/flight/request-table.ts';
import type { RequestMetrics } from '../observe/request-metrics.ts';
import { SharedBudget } from '../resilience/shared-budget.ts';
import type { Telemetry } from '../running-telemetry.ts';
import { Deliveries } from './deliveries.ts';
import { guardRoute } from './guard-route.ts';
import { health, live, ready } from './health.ts';
import type { PushedSeries } from './pushed-series.ts';
import { receiveAlerts } from './receive-alerts.ts';
import { receiveDeploy } from './receive-deploy.ts';
import { receiveEvents } from './receive-events.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';
import { receiverRoutes } from './routes.ts';
import type { SharedDeliveries } from './shared-deliveries.ts';
import type { Store } from './store.ts';
import type { Watchdog } from './watchdog.ts';

export type ReceiverParts = {
  config: Config;
  tls: ServerTls;
  lifecycle: Lifecycle;
  telemetry: Telemetry;
  requestMetrics: RequestMetrics;
  store: Store;
  shared: SharedDeliveries;
  watchdog: Watchdog;
  series: PushedSeries;
  metrics: ReceiverMetrics;
};

/** Few come here, and what they bring is never to be missed: every request is traced. */
const keepAll = { decide: () => 'first' as const, weight: 1 };

/** Every route of the receiver. */
export function createReceiver(parts: ReceiverParts): ServedApp {
  const { config, requestMetrics } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('trust proxy', trustedProxies(config));
  app.use(
    traceRequest(
      config.telemetryOff
        ? undefined
        : { scheme: schemeOf(parts.tls), metrics: requestMetrics, keeper: keepAll, table: new RequestTable() },
    ),
  );

  const exchange = plainExchange(app, config.keepAliveMs);
  const bodies = new BodyReader(receiverLimits(config), exchange);
  const deliveries = new Deliveries({ ...parts, bodies });
  addRoutes(app, {
    table: receiverRoutes,
    guard: guardRoute(parts),
    handlers: {
      '/alerts': { get: listAlerts(parts), post: deliveries.for('alerts', receiveAlerts(parts)) },
      '/deploy': { post: deliveries.for('deploy', receiveDeploy(parts)) },
      '/events': { post: deliveries.for('events', receiveEvents(parts)) },
      '/live': { get: live() },
      '/ready': { get: ready(parts) },
      '/health': { get: health(parts) },
    },
  });
  refuseRoutesWithoutWord(app, [receiverRoutes]);

  app.use(answerNotFound('there are POST /alerts, /deploy and /events, GET /alerts, /live, /ready and /health'));
  app.use(answerError);
  return { serve: app, budgets: { connections: connectionsBudget(config) }, exchange };
}

/** Its senders often share one address, so none has a share of its own. */
function connectionsBudget({ receiverConnectionsMax }: Config): SharedBudget {
  return new SharedBudget({
    name: 'connections',
    max: receiverConnectionsMax,
    sharePercent: 0,
    largest: 1,
    cannot: 'Cannot take the connection',
    held: (count) => `${count} are open`,
    setting: 'VITRINE_RECEIVER_CONNECTIONS_MAX',
  });
}

/**
 * What is firing: how many, and the longest of them. It wants the token of those who send alerts:
 * labels may say much about a system.
 */
function listAlerts({ store }: ReceiverParts) {
  return (_request: Request, response: Response): void => {
    response.json({ count: store.firingCount, alerts: store.firing() });
  };
}
