import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';
import { leftSignal } from '../../http/while-open.ts';
import type { Compared } from '../../observe/compare/compare-requests.ts';
import { type ComparedRequests, inSet, SetsBuilder } from '../../observe/compare/compared-sets.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import type { FlightRecorder } from '../../observe/flight/flight-recorder.ts';
import { ours, say } from '../../sentence.ts';
import { Breather } from '../../telemetry/breather.ts';
import type { Client } from '../access/clients.ts';
import { type compareAnswered, compareAsked } from './compare-queries.ts';
import { CompareThread } from './compare-thread.ts';
import { milliseconds } from './flight-answer.ts';
import { asked, type FlightParts } from './flight-routes.ts';
import { isIn } from './request-filter.ts';
import { differenceAnswer } from './why-answer.ts';

type Asked = z.output<typeof compareAsked>;

const minutesWhenAbsent = 60;

/** POST /v1/requests/compare: what parts two sets of remembered requests. */
export function compareRequests({
  access,
  flights,
  bodies,
  config,
}: FlightParts & { bodies: BodyReader; config: Config }) {
  const thread = new CompareThread(config);
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const given = readAsked(await readJsonBody(bodies, request));
    const { recorder, sees } = asked(access, flights, client);
    const left = leftSignal(response);
    const compared = await thread.inPlace(async () => {
      const requests = await collect(recorder, given, sees);
      return thread.compare({ requests, slowestPercent: given.slowest_percent }, left);
    });
    response.json(answerOf(compared));
  };
}

/** The numbers of the requests that are asked for. Others are served between. */
async function collect(
  recorder: FlightRecorder,
  { minutes = minutesWhenAbsent, among = {}, first = {}, second }: Asked,
  sees: (record: FlightRecord) => boolean,
): Promise<ComparedRequests> {
  const breather = new Breather();
  const builder = new SetsBuilder();
  for (const record of recorder.eachSince(performance.now() - minutes * 60_000)) {
    await breather.breathe();
    if (!sees(record) || !isIn(record, among)) continue;
    const isInSecond = second === undefined || isIn(record, second);
    builder.add((isIn(record, first) ? inSet.first : 0) | (isInSecond ? inSet.second : 0), record);
  }
  return builder.build();
}

function answerOf({ first, second, slowerThanMs, differences }: Compared): z.output<typeof compareAnswered> {
  return {
    first: { requests: first },
    second: { requests: second },
    slower_than_ms: slowerThanMs === undefined ? null : milliseconds(slowerThanMs),
    differences: differences.map(differenceAnswer),
  };
}

function readAsked(given: unknown): Asked {
  const parsed = compareAsked.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const problem =
      issue?.code === 'unrecognized_keys' ? 'it has a field that /openapi.json does not list' : (issue?.message ?? '');
    throw new ServiceError('invalid_body', say`Cannot compare requests: ${ours(problem)}; correct it or leave it out.`);
  }
  const { first, slowest_percent } = parsed.data;
  if (first === undefined && slowest_percent === undefined)
    throw new ServiceError(
      'invalid_body',
      say`Cannot compare requests: the first set is not given; give first or slowest_percent.`,
    );
  return parsed.data;
}
