import type { Request, Response } from 'express';
import { ServiceError } from '../../errors.ts';
import { isPassed } from '../../http/passed-request.ts';
import { readQuery } from '../../http/read-by.ts';
import { type FlightRecord, isFailed } from '../../observe/flight/flight-record.ts';
import type { FlightRecorder } from '../../observe/flight/flight-recorder.ts';
import { latencySummaries } from '../../observe/flight/latency-window.ts';
import { say } from '../../sentence.ts';
import { Breather } from '../../telemetry/breather.ts';
import type { AccessControl } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import type { Others } from '../processes/others.ts';
import { clockOf } from './clock-of.ts';
import { flightAnswer, flightLine, isoTime, latencyAnswer } from './flight-answer.ts';
import { flightListQuery, flightOrder, flightSummaryQuery } from './flight-queries.ts';
import { isIn } from './request-filter.ts';
import { missingOf, wholeFlight, wholeList, wholeTallies } from './whole-flights.ts';

export type FlightParts = {
  access: AccessControl;
  flights: FlightRecorder | undefined;
  /** What other processes and replicas remember. */
  others?: Others | undefined;
};

const minutesWhenAbsent = 15;

/** GET /v1/requests/:id: one request as it was, by its request id, trace id or span id. */
export function showRequest({ access, flights, others: elsewhere }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    const [newest, ...others] = allBy(String(request.params.id), recorder, sees);
    // Each lookup makes new objects, so the same request need not be the same object.
    const sameId = others.filter((other) => other.ids.spanId !== newest?.ids.spanId);
    const mayName = (model: string) => client.key?.mayUse(model) ?? true;
    const own = newest && flightAnswer(newest, recorder, { sees, sameId, mayName });
    const say = await elsewhere?.same(request);
    const found = say ? wholeFlight(own, say) : own;
    if (!found) throw notRemembered();
    response.json({ ...found, ...(say && missingOf(say)) });
  };
}

/** GET /v1/requests?recent=20 | failed=20 | slowest=20, and which */
export function listRequests({ access, flights, others }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    const { minutes = minutesWhenAbsent, ...given } = readQuery(flightListQuery, request);
    const { recent: _, failed: __, slowest: ___, ...filter } = given;
    const of = flightOrder(given);
    const endedSinceMs = given.from === undefined ? performance.now() - minutes * 60_000 : clockOf(given.from);
    const { model, fault, from: ____, ...rest } = filter;
    const tenant = access.mayAdminister(client) ? undefined : client.tenant;
    const own = Object.values(rest).every((value) => value === undefined)
      ? recorder.list(of.order, { tenant, model, fault, endedSinceMs }, of.most)
      : await lookThrough(recorder, endedSinceMs, (record) => sees(record) && isIn(record, filter), of);
    const lines = own.map(flightLine);
    const say = await others?.same(request);
    const requests = say ? wholeList(lines, say, of) : lines;
    response.json({ order: of.order, minutes, requests, ...(say && missingOf(say)) });
  };
}

/** Like a list of the recorder, of any requests; it takes breaks. */
async function lookThrough(
  recorder: FlightRecorder,
  endedSinceMs: number,
  isWanted: (record: FlightRecord) => boolean,
  { order, most }: ReturnType<typeof flightOrder>,
): Promise<FlightRecord[]> {
  const breather = new Breather();
  const found: FlightRecord[] = [];
  for (const record of recorder.eachSince(endedSinceMs)) {
    await breather.breathe();
    if (isWanted(record) && (order !== 'failed' || isFailed(record))) found.push(record);
  }
  const endOf = ({ startedAt, tookMs }: FlightRecord) => startedAt + tookMs;
  return found
    .sort((one, other) => (order === 'slowest' ? other.tookMs - one.tookMs : endOf(other) - endOf(one)))
    .slice(0, most);
}

/**
 * GET /v1/requests/summary?minutes=15: how long requests and jobs took, by model and by what it was
 * used for.
 */
export function summarizeRequests({ access, flights, others }: FlightParts) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder } = asked(access, flights, client);
    const { minutes = minutesWhenAbsent, model } = readQuery(flightSummaryQuery, request);
    const { fromMs, uses } = recorder.tallies(minutes);
    const shown = uses.filter(
      ({ model: name }) => (model === undefined || name === model) && (client.key?.mayUse(name) ?? true),
    );
    const own = { from: isoTime(fromMs), tallies: shown };
    const say = await others?.same(request);
    const { from, tallies } = say ? wholeTallies(own, say) : own;
    // Another process or replica adds them to its own.
    if (isPassed(request)) response.json({ from, tallies, ...(say && missingOf(say)) });
    else response.json({ ...latencyAnswer(from, latencySummaries(tallies)), ...(say && missingOf(say)) });
  };
}

/** All with this id that may be seen, the newest first; throws where there is none. */
export function foundBy(
  id: string,
  recorder: FlightRecorder,
  sees: (record: FlightRecord) => boolean,
): [FlightRecord, ...FlightRecord[]] {
  const [newest, ...others] = allBy(id, recorder, sees);
  if (!newest) throw notRemembered();
  return [newest, ...others];
}

function allBy(id: string, recorder: FlightRecorder, sees: (record: FlightRecord) => boolean): FlightRecord[] {
  // A caller's own id is as it was written; ours have small letters, however they are asked for.
  const names = new Set([id, id.toLowerCase()]);
  return [...names].flatMap((name) => recorder.find(name)).filter(sees);
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

/**
 * Answers by what this process remembers of a request, or, where it remembers nothing, by what
 * another one does.
 */
export function hereOrElsewhere(
  others: Others | undefined,
  handler: (request: Request, response: Response, client: Client) => void,
) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    try {
      handler(request, response, client);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== 'request_not_found') throw error;
      const [found] = (await others?.same(request))?.answers ?? [];
      if (found === undefined) throw error;
      response.json(found);
    }
  };
}
