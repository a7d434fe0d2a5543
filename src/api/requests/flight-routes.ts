import type { Request, Response } from 'express';
import { ServiceError } from '../../errors.ts';
import { readQuery } from '../../http/read-by.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import type { FlightRecorder } from '../../observe/flight/flight-recorder.ts';
import { say } from '../../sentence.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { flightAnswer, flightLine, latencyAnswer } from './flight-answer.ts';
import { flightListQuery, flightOrder, flightSummaryQuery } from './flight-queries.ts';

export type FlightParts = { access: AccessControl; flights: FlightRecorder | undefined };

const minutesWhenAbsent = 15;

/** GET /v1/requests/:id: one request as it was, by its request id, trace id or span id. */
export function showRequest({ access, flights }: FlightParts) {
  return (request: Request, response: Response, client: Client): void => {
    const { recorder, sees } = asked(access, flights, client);
    const [newest, ...others] = foundBy(String(request.params.id), recorder, sees);
    // Each lookup makes new objects, so the same request need not be the same object.
    const sameId = others.filter((other) => other.ids.spanId !== newest.ids.spanId);
    response.json(
      flightAnswer(newest, recorder, { sees, sameId, mayName: (model) => client.key?.mayUse(model) ?? true }),
    );
  };
}

/** GET /v1/requests?recent=20 | failed=20 | slowest=20, and minutes, model, fault */
export function listRequests({ access, flights }: FlightParts) {
  return (request: Request, response: Response, client: Client): void => {
    const { recorder } = asked(access, flights, client);
    const { minutes = minutesWhenAbsent, model, fault, ...given } = readQuery(flightListQuery, request);
    const { order, most } = flightOrder(given);
    const filter = {
      tenant: access.mayAdminister(client) ? undefined : client.tenant,
      model,
      fault,
      endedSinceMs: performance.now() - minutes * 60_000,
    };
    const found = recorder.list(order, filter, most);
    response.json({ order, minutes, requests: found.map(flightLine) });
  };
}

/**
 * GET /v1/requests/summary?minutes=15: how long requests and jobs took, by model and by what it was
 * used for.
 */
export function summarizeRequests({ access, flights }: FlightParts) {
  return (request: Request, response: Response, client: Client): void => {
    const { recorder } = asked(access, flights, client);
    const { minutes = minutesWhenAbsent, model } = readQuery(flightSummaryQuery, request);
    const { fromMs, uses } = recorder.summary(minutes);
    const shown = uses.filter(
      ({ model: name }) => (model === undefined || name === model) && (client.key?.mayUse(name) ?? true),
    );
    response.json(latencyAnswer(fromMs, shown));
  };
}

/** All with this id that may be seen, the newest first; throws where there is none. */
export function foundBy(
  id: string,
  recorder: FlightRecorder,
  sees: (record: FlightRecord) => boolean,
): [FlightRecord, ...FlightRecord[]] {
  // A caller's own id is as it was written; ours have small letters, however they are asked for.
  const names = new Set([id, id.toLowerCase()]);
  const [newest, ...others] = [...names].flatMap((name) => recorder.find(name)).filter(sees);
  if (!newest) throw notRemembered();
  return [newest, ...others];
}

export function asked(access: AccessControl, flights: FlightRecorder | undefined, client: Client) {
  if (!flights)
    throw new ServiceError(
      'not_found',
      say`Cannot list requests: all telemetry is switched off; start without OTEL_SDK_DISABLED.`,
    );
  return { recorder: flights, sees: visibleTo(access, client) };
}

/** The administrator sees every request, a key its own. */
function visibleTo(access: AccessControl, client: Client): (record: Pick<FlightRecord, 'tenant'>) => boolean {
  if (access.mayAdminister(client)) return () => true;
  return ({ tenant }) => tenant === client.tenant;
}

function notRemembered(): ServiceError {
  return new ServiceError(
    'request_not_found',
    say`Cannot show this request: none of this id is remembered, or it is not yours; only the last ones are, see VITRINE_FLIGHT_RECORDS_MAX.`,
  );
}
