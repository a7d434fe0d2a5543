import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { leftSignal } from '../../http/while-open.ts';
import { say } from '../../sentence.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { backendNames, readQuestion } from './allowed-questions.ts';
import { askBackend } from './ask-backend.ts';
import { lokiTenants, withoutGuardedStreams } from './guard-log-streams.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';

/**
 * GET /backends/:backend/…: the page asks here in the languages of Prometheus, Tempo, Loki and
 * Alertmanager, whichever stores VITRINE_BACKENDS names.
 * Only questions of the list, never a change; bounded in rate, number, time and size. The streams
 * audit and security of the logs are the administrator's.
 */
export function readBackend({
  config,
  access,
  proxyMetrics,
}: {
  config: Config;
  access: AccessControl;
  proxyMetrics: ProxyMetrics;
}) {
  let inFlight = 0;
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const backend = backendNames.find((name) => name === request.params.backend);
    try {
      const mayReadAll = access.mayAdminister(client);
      const question = readQuestion(asked(request), (query) => (mayReadAll ? query : withoutGuardedStreams(query)));
      if (inFlight >= config.proxyInFlightMax)
        throw new ServiceError(
          'busy',
          say`Cannot ask now: ${inFlight} questions wait for backends; come again in a second, or raise VITRINE_PROXY_IN_FLIGHT_MAX.`,
          { retryAfterMs: 1_000 },
        );
      inFlight += 1;
      try {
        const answer = await askBackend(question, {
          config,
          tenants: lokiTenants(mayReadAll),
          signal: AbortSignal.any([leftSignal(response), AbortSignal.timeout(config.proxyMsMax)]),
        });
        response.setHeader('Content-Type', 'application/json');
        response.setHeader('Cache-Control', 'no-store');
        response.end(answer);
      } finally {
        inFlight -= 1;
      }
      proxyMetrics.asked(question.backend, 'ok');
    } catch (error) {
      if (backend && error instanceof ServiceError) proxyMetrics.asked(backend, error.code);
      throw error;
    }
  };
}

function asked(request: Request): { backend: string; path: string; query: URLSearchParams } {
  const { pathname, searchParams } = new URL(request.originalUrl, 'http://localhost');
  const [, , backend = '', ...path] = pathname.split('/');
  return { backend, path: `/${path.join('/')}`, query: searchParams };
}
