import express, { type Express } from 'express';
import { answerError, answerMethodNotAllowed, answerNotFound } from './api/answer-error.ts';
import { health, live, ready } from './api/health.ts';
import { metricsLiveElsewhere } from './api/metrics-elsewhere.ts';
import { serverMetadata } from './api/server-metadata.ts';
import { traceRequest } from './api/trace-request.ts';
import type { Config } from './config.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Telemetry } from './telemetry/start.ts';

/** Every route there is. */
export function createApp(parts: { config: Config; lifecycle: Lifecycle; telemetry: Telemetry }): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(traceRequest());

  const get = (path: string, handler: express.RequestHandler) =>
    app.route(path).get(handler).all(answerMethodNotAllowed);
  get('/live', live());
  get('/ready', ready(parts));
  get('/health', health(parts));
  get('/v2', serverMetadata());
  get('/metrics', metricsLiveElsewhere(parts));

  app.use(answerNotFound);
  app.use(answerError);
  return app;
}
