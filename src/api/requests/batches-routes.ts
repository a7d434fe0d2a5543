import type { Request, Response } from 'express';
import { readQuery } from '../../http/read-by.ts';
import type { Client } from '../access/clients.ts';
import { batchesAnswer, batchesQuery, wholeBatches } from './batches-answer.ts';
import { spanAsked } from './compare-queries.ts';
import { asked, type FlightParts } from './flight-routes.ts';
import { missingOf } from './whole-flights.ts';

/** GET /v1/batches: what ran in the lanes. */
export function listBatches({ access, flights, others }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    const span = spanAsked(readQuery(batchesQuery, request));
    const mayName = (model: string) => client.key?.mayUse(model) ?? true;
    const own = batchesAnswer(span, recorder.during(span), { sees, mayName });
    const say = await others?.same(request);
    response.json(say ? { ...wholeBatches(own, say.answers), ...missingOf(say) } : own);
  };
}
