import { stat } from 'node:fs/promises';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import { inputsLike } from '../../engine/inputs-like.ts';
import { runAlone } from '../../engine/lanes/run-alone.ts';
import { withoutValues } from '../../engine/registry/onnx-messages.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { recordedReason, ServiceError } from '../../errors.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import { ours, say } from '../../sentence.ts';
import { refuseModelOfOthers } from '../access/access-control.ts';
import type { Client } from '../access/clients.ts';
import { aloneAnswer } from './alone-answer.ts';
import { asked, type FlightParts, foundBy } from './flight-routes.ts';

type Parts = FlightParts & { readonly config: Config; readonly registry: Registry };

const runs = 3;

/**
 * POST /v1/requests/:id/alone: runs inputs of the same shapes now, in a process of their own, and
 * answers what that takes beside what the request took. Bounded as operator profiles are.
 */
export function runOneAlone({ access, flights, config, registry }: Parts) {
  let running = 0;
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { recorder, sees } = asked(access, flights, client);
    if (!access.mayAdminister(client) && client.key?.mayProfile !== true)
      throw new ServiceError(
        'forbidden',
        say`Cannot run a request again: the API key does not allow it; ask for "may_profile" in VITRINE_API_KEYS_FILE.`,
      );
    const record = withModel(foundBy(String(request.params.id), recorder, sees)[0]);
    refuseModelOfOthers(client, record.model);
    const { manifest, session } = registry.find(record.model, record.version);
    if (session === undefined)
      throw new ServiceError(
        'invalid_request',
        say`Cannot run one like it: ${ours(manifest.name)} is a pipeline, which has no run of its own; choose a request to a model of its steps.`,
      );
    const { rows, bytes } = record.size;
    const like = inputsLike(manifest, { rows, bytes, bytesMax: config.profileBytesMax });
    if (!like)
      throw new ServiceError(
        'invalid_request',
        say`Cannot run one like it: no inputs of model ${ours(manifest.name)} have ${rows} rows and ${bytes} bytes, or they are above VITRINE_PROFILE_BYTES_MAX.`,
      );
    await refuseLargeFile(session.file, config.profileBytesMax);
    if (running >= config.profilesMax)
      throw new ServiceError(
        'busy',
        say`Cannot run it now: ${running} others are run alone; come again in a second, or raise VITRINE_PROFILES_MAX.`,
        { retryAfterMs: 1_000 },
      );
    running += 1;
    try {
      const ended = await runAlone({ session, inputs: like.inputs, runs, msMax: config.profileMsMax }).catch(
        (cause: unknown) => {
          throw notRun(manifest.name, cause);
        },
      );
      response.json(aloneAnswer(record, like, ended));
    } finally {
      running -= 1;
    }
  };
}

function withModel(record: FlightRecord): FlightRecord & { model: string; version: string } {
  const { model, version, task, size } = record;
  if (model !== undefined && version !== undefined && task === undefined && size.rows > 0)
    return { ...record, model, version };
  throw new ServiceError(
    'invalid_request',
    say`Cannot run one like it: it is no inference that came as far as its model; choose one that has a batch.`,
  );
}

async function refuseLargeFile(file: string, bytesMax: number): Promise<void> {
  const { size } = await stat(file);
  if (size > bytesMax)
    throw new ServiceError(
      'busy',
      say`Cannot run it alone: the model has ${size} bytes, which would be in memory once more; raise VITRINE_PROFILE_BYTES_MAX.`,
    );
}

function notRun(model: string, cause: unknown): ServiceError {
  if (cause instanceof ServiceError) return cause;
  return new ServiceError(
    'inference_failed',
    say`Cannot run model ${ours(model)} alone: ${ours(withoutValues(recordedReason(cause)))}; its values are made up, see VITRINE_PROFILE_MS_MAX for its time.`,
    { cause },
  );
}
