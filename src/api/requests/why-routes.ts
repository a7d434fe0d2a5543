import type { Request, Response } from 'express';
import { blameRequest } from '../../observe/blame/blame-request.ts';
import { explain } from '../../observe/why/explain.ts';
import type { Eyes } from '../../observe/why/why.ts';
import type { Client } from '../access/clients.ts';
import { asked, type FlightParts, foundBy } from './flight-routes.ts';
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

function eyesOf(client: Client, sees: Eyes['sees']): Eyes {
  return { sees, mayName: (model) => client.key?.mayUse(model) ?? true };
}
