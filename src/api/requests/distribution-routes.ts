import type { Request, Response } from 'express';
import { readQuery } from '../../http/read-by.ts';
import { Breather } from '../../telemetry/breather.ts';
import type { Client } from '../access/clients.ts';
import { spanAsked } from './compare-queries.ts';
import { Distribution, wholeDistribution } from './distribution.ts';
import { distributionQuery } from './flight-queries.ts';
import { asked, type FlightParts } from './flight-routes.ts';
import { missingOf } from './whole-flights.ts';

/** GET /v1/requests/distribution: when they ended and how long they took, and by their words. */
export function distributeRequests({ access, flights, others }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    const { minutes, from, to, columns = 60, failed, ...filter } = readQuery(distributionQuery, request);
    const span = spanAsked({ minutes, from, to });
    const distribution = new Distribution({
      span,
      columns,
      filter: { ...filter, ...(failed !== undefined && { failed: failed === 'true' }) },
    });
    const breather = new Breather();
    for (const record of recorder.eachSince(span.from)) {
      await breather.breathe();
      if (sees(record)) distribution.add(record);
    }
    const own = distribution.answer();
    const say = await others?.same(request);
    response.json(say ? { ...wholeDistribution(own, say), ...missingOf(say) } : own);
  };
}
