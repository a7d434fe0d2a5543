import type { Request, Response } from 'express';
import { readQuery } from '../../http/read-by.ts';
import { blamePeriod } from '../../observe/blame/blame-period.ts';
import { blameRequest } from '../../observe/blame/blame-request.ts';
import { explain } from '../../observe/why/explain.ts';
import type { Eyes } from '../../observe/why/why.ts';
import type { Client } from '../access/clients.ts';
import { blameMatrixAnswer, blameQuery } from './blame-matrix-answer.ts';
import { spanAsked } from './compare-queries.ts';
import { asked, type FlightParts, foundBy } from './flight-routes.ts';
import { missingOf, wholeBlame } from './whole-flights.ts';
import { blameAnswer, whyAnswer } from './why-answer.ts';

/** GET /v1/requests/:id/why: why it took as long as it did, or failed. */
export function explainRequest({ access, flights }: FlightParts) {
  return (request: Request, response: Response, client: Client): void => {
    const { recorder, sees } = asked(access, flights, client);
    const [record] = foundBy(String(request.params.id), recorder, sees);
    response.json(whyAnswer(record, explain(record, recorder, eyesOf(client, sees))));
  };
}

/** GET /v1/requests/:id/blame: who held the lanes while it waited. */
export function blameForRequest({ access, flights }: FlightParts) {
  return (request: Request, response: Response, client: Client): void => {
    const { recorder, sees } = asked(access, flights, client);
    const [record] = foundBy(String(request.params.id), recorder, sees);
    response.json(blameAnswer(record, blameRequest(record, recorder), eyesOf(client, sees)));
  };
}

/** GET /v1/blame?minutes=15&by=tenant, or from and to: who made whom wait. */
export function showBlame({ access, flights, others }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    const given = readQuery(blameQuery, request);
    const span = spanAsked(given);
    const by = given.by ?? 'tenant';
    const found = await blamePeriod(recorder, span, by, (tenant) => sees({ tenant }));
    const own = blameMatrixAnswer(span, by, found, eyesOf(client, sees));
    const say = await others?.same(request);
    response.json(say ? { ...wholeBlame(own, say), ...missingOf(say) } : own);
  };
}

function eyesOf(client: Client, sees: Eyes['sees']): Eyes {
  return { sees, mayName: (model) => client.key?.mayUse(model) ?? true };
}
