import express, { type Express, type RequestHandler } from 'express';
import { answerError } from '../api/answer-error.ts';
import { traceRequest } from '../api/trace-request.ts';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import type { Lifecycle } from '../lifecycle.ts';
import type { RequestMetrics } from '../telemetry/request-metrics.ts';
import type { Telemetry } from '../telemetry/start.ts';
import { authorize } from './bearer-token.ts';
import { Door } from './door.ts';
import { health, live, ready } from './health.ts';
import type { PushedSeries } from './pushed-series.ts';
import { receiveAlerts } from './receive-alerts.ts';
import { receiveDeploy } from './receive-deploy.ts';
import { receiveEvents } from './receive-events.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';
import type { Store } from './store.ts';
import type { Watchdog } from './watchdog.ts';

export type ReceiverParts = {
  config: Config;
  lifecycle: Lifecycle;
  telemetry: Telemetry;
  requestMetrics: RequestMetrics;
  store: Store;
  watchdog: Watchdog;
  series: PushedSeries;
  metrics: ReceiverMetrics;
};

/** Few come here, and what they bring is never to be missed: every request is traced. */
const keepAll = { decide: () => 'first' as const };

/** Every route of the receiver. */
export function createReceiver(parts: ReceiverParts): Express {
  const { config, requestMetrics } = parts;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(traceRequest(config.telemetryOff ? undefined : { metrics: requestMetrics, keeper: keepAll }));

  const door = new Door(parts);
  app
    .route('/alerts')
    .post(door.for('alerts', receiveAlerts(parts)))
    .get(listAlerts(parts))
    .all(answerMethodNotAllowed('GET, POST'));
  app
    .route('/deploy')
    .post(door.for('deploy', receiveDeploy(parts)))
    .all(answerMethodNotAllowed('POST'));
  app
    .route('/events')
    .post(door.for('events', receiveEvents(parts)))
    .all(answerMethodNotAllowed('POST'));
  app.route('/live').get(live()).all(answerMethodNotAllowed('GET'));
  app.route('/ready').get(ready(parts)).all(answerMethodNotAllowed('GET'));
  app.route('/health').get(health(parts)).all(answerMethodNotAllowed('GET'));

  app.use(answerNotFound);
  app.use(answerError);
  return app;
}

/** What is firing: how many, and the longest of them. It wants the token of those who send alerts: labels may say much about a system. */
function listAlerts({ config, store, metrics }: ReceiverParts): RequestHandler {
  return async (request, response) => {
    try {
      await authorize(request, config.receiverAlertsTokenFile, config.bind);
    } catch (error) {
      metrics.refusedBecause('alerts', error);
      throw error;
    }
    response.json({ count: store.firingCount, alerts: store.firing() });
  };
}

const answerNotFound: RequestHandler = () => {
  throw new ServiceError(
    'not_found',
    'Cannot answer: no route has this path; there are POST /alerts, /deploy and /events, GET /alerts, /live, /ready and /health.',
  );
};

function answerMethodNotAllowed(allowed: string): RequestHandler {
  return (_request, response) => {
    response.setHeader('Allow', allowed);
    throw new ServiceError('method_not_allowed', `Cannot answer: this path does not take this verb; use ${allowed}.`);
  };
}
