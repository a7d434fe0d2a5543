import type { Request, Response } from 'express';
import type { z } from 'zod';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';
import { SetsBuilder } from '../../observe/compare/compared-sets.ts';
import { tellApartInSteps } from '../../observe/compare/tell-apart.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import { ours, say } from '../../sentence.ts';
import { Breather } from '../../telemetry/breather.ts';
import type { Client } from '../access/clients.ts';
import { type compareAnswered, compareAsked } from './compare-queries.ts';
import { milliseconds } from './flight-answer.ts';
import { asked, type FlightParts } from './flight-routes.ts';
import { isIn } from './request-filter.ts';
import { differenceAnswer } from './why-answer.ts';

type Asked = z.output<typeof compareAsked>;

const minutesWhenAbsent = 60;

/** POST /v1/requests/compare: what parts two sets of remembered requests. */
export function compareRequests({ access, flights, bodies }: FlightParts & { bodies: BodyReader }) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { minutes = minutesWhenAbsent, among = {}, ...sets } = readAsked(await readJsonBody(bodies, request));
    const { recorder, sees } = asked(access, flights, client);
    const breather = new Breather();
    const chosen: FlightRecord[] = [];
    for (const record of recorder.eachSince(performance.now() - minutes * 60_000)) {
      await breather.breathe();
      if (sees(record) && isIn(record, among)) chosen.push(record);
    }
    response.json(await compare(chosen, sets, breather));
  };
}

async function compare(
  chosen: readonly FlightRecord[],
  { first = {}, slowest_percent, second }: Pick<Asked, 'first' | 'second' | 'slowest_percent'>,
  breather: Breather,
): Promise<z.output<typeof compareAnswered>> {
  const slowerThanMs = slowest_percent === undefined ? undefined : slowestFrom(chosen, slowest_percent);
  const builder = new SetsBuilder();
  for (const record of chosen) {
    await breather.breathe();
    if (isIn(record, first) && record.tookMs >= (slowerThanMs ?? 0)) builder.add(0, record);
    else if (second === undefined || isIn(record, second)) builder.add(1, record);
  }
  const [inFirst, inSecond] = builder.counts;
  const differences = await tellApartInSteps(builder.build(), breather);
  return {
    first: { requests: inFirst },
    second: { requests: inSecond },
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

function slowestFrom(records: readonly FlightRecord[], percent: number): number {
  const times = Float64Array.from(records, ({ tookMs }) => tookMs).sort();
  return times[Math.max(0, Math.floor(times.length * (1 - percent / 100)))] ?? 0;
}
