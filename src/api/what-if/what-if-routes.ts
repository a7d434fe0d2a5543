import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { Config } from '../../config.ts';
import { coresOfProcess } from '../../cores-of-process.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';
import { leftSignal } from '../../http/while-open.ts';
import { collectLoad } from '../../observe/what-if/collect-load.ts';
import type { WhatIfChanges } from '../../observe/what-if/what-if-changes.ts';
import { ours, say } from '../../sentence.ts';
import { refuseModelOfOthers } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { spanAsked } from '../requests/compare-queries.ts';
import { asked, type FlightParts } from '../requests/flight-routes.ts';
import { ReplayThreads } from './replay-threads.ts';
import { whatIfAnswer } from './what-if-answer.ts';
import { whatIfAsked } from './what-if-queries.ts';

type Parts = FlightParts & {
  readonly config: Config;
  readonly registry: Registry;
  readonly bodies: BodyReader;
};

const minutesWhenAbsent = 60;

/** POST /v1/what-if: what recorded arrivals would have met with other settings of their model. */
export function replayWhatIf({ access, flights, config, registry, bodies }: Parts) {
  const threads = new ReplayThreads(config);
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const given = readAsked(await readJsonBody(bodies, request));
    const { recorder } = asked(access, flights, client);
    refuseModelOfOthers(client, given.model);
    const changes = changesIn(given);
    if (changes.withoutTenant !== undefined && changes.withoutTenant !== client.tenant && !access.mayAdminister(client))
      throw new ServiceError(
        'forbidden',
        say`Cannot leave out another tenant: only the administrator sees others; leave out without_tenant.`,
      );
    const { manifest } = registry.find(given.model, given.version);
    if (manifest.steps !== undefined)
      throw new ServiceError(
        'invalid_request',
        say`Cannot replay: ${ours(manifest.name)} is a pipeline, which has no lanes of its own; ask for a model of its steps.`,
      );
    const span = spanAsked({ minutes: minutesWhenAbsent, ...given });
    const left = leftSignal(response);
    const answer = await threads.inPlace(async () => {
      const load = await collectLoad(recorder, { model: manifest.name, version: manifest.version, ...span });
      if (load.count === 0)
        throw new ServiceError(
          'request_not_found',
          say`Cannot replay: no request to model ${ours(manifest.name)} is remembered of that time; ask for more minutes, or raise VITRINE_FLIGHT_RECORDS_MAX.`,
        );
      const { from, to } = load;
      const { inferMsMax, shortcutUsMax } = config;
      const on = { manifest, cores: coresOfProcess(), inferMsMax, shortcutMsMax: shortcutUsMax / 1000 };
      const found = await threads.replay({ load, on, changes }, left);
      return whatIfAnswer({ from, to }, manifest, changes, found);
    });
    response.json(answer);
  };
}

function changesIn(given: z.output<typeof whatIfAsked>): WhatIfChanges {
  return {
    lanes: given.lanes,
    rowsMax: given.rows_max,
    delayUs: given.delay_us_max,
    queueInputsMax: given.queue_inputs_max,
    queueBytesMax: given.queue_bytes_max,
    replicas: given.replicas,
    withoutTenant: given.without_tenant,
    load: given.load,
  };
}

function readAsked(given: unknown): z.output<typeof whatIfAsked> {
  const parsed = whatIfAsked.safeParse(given);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const problem =
    issue?.code === 'unrecognized_keys' ? 'it has a field that /openapi.json does not list' : (issue?.message ?? '');
  throw new ServiceError('invalid_body', say`Cannot replay: ${ours(problem)}; correct it or leave it out.`);
}
