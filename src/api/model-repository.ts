import type { RequestHandler } from 'express';
import type { ModelState, Registry } from '../engine/registry.ts';
import { log } from '../telemetry/logger.ts';
import type { BodyReader } from './body-reader.ts';
import type { Door } from './door.ts';
import { flagOf, type JsonObject, objectAt, textOf } from './open-inference/json-fields.ts';
import { malformed } from './open-inference/malformed.ts';
import { parseJson } from './open-inference/parse-json.ts';
import { readJsonBody } from './read-json-body.ts';
import { requestTrace } from './trace-request.ts';
import type { TraceSettingsStore } from './trace-settings.ts';

type Parts = { door: Door; registry: Registry; bodies: BodyReader; traceSettings: TraceSettingsStore };

/** POST /v2/repository/index: everything in the repository, its state, and why it is not ready. */
export function repositoryIndex({ door, registry, bodies }: Parts): RequestHandler {
  return async (request, response) => {
    const client = door.identify(request);
    const readyOnly = flagOf(await readJsonBody(bodies, request), 'ready', '') ?? false;
    const models = await registry.index();
    response.json(
      models
        .filter(({ state, name }) => (!readyOnly || state === 'ready') && (client.key?.mayUse(name) ?? true))
        .map(({ name, version, state, reason }) => ({ name, version, state: tritonStates[state], reason })),
    );
  };
}

/** POST /v2/repository/models/M/load: loads it, or anew; `parameters.config` is a manifest, as text or object. */
export function loadModel({ door, registry, bodies }: Parts): RequestHandler {
  return async (request, response) => {
    door.refuseForeignPages(request);
    const client = door.identifyAdmin(request);
    const parameters = parametersOf(await readJsonBody(bodies, request));
    for (const name of Object.keys(parameters))
      if (name.startsWith('file:'))
        throw malformed(`parameters.${name.slice(0, 48)}`, 'is a file; put files into the folder of VITRINE_MODELS');
    const config = configOf(parameters);
    const name = request.params.model as string;
    await registry.load(name, config === undefined ? {} : { config });
    log(
      'audit',
      'info',
      'A model was loaded through the API',
      auditFields(name, client.name),
      requestTrace(response).context,
    );
    // Triton answers with nothing; clients read only the status.
    response.json({});
  };
}

/** POST /v2/repository/models/M/unload: what it has is answered, then it is gone. */
export function unloadModel({ door, registry, bodies, traceSettings }: Parts): RequestHandler {
  return async (request, response) => {
    door.refuseForeignPages(request);
    const client = door.identifyAdmin(request);
    // Nothing depends on a model here, so that unload_dependents has nothing to say.
    flagOf(parametersOf(await readJsonBody(bodies, request)), 'unload_dependents', 'parameters.');
    const name = request.params.model as string;
    await registry.unload(name);
    traceSettings.forget(name);
    log(
      'audit',
      'info',
      'A model was unloaded through the API',
      auditFields(name, client.name),
      requestTrace(response).context,
    );
    response.json({});
  };
}

const tritonStates: Readonly<Record<ModelState, string>> = {
  loading: 'LOADING',
  ready: 'READY',
  unloading: 'UNLOADING',
  unavailable: 'UNAVAILABLE',
};

function parametersOf(body: JsonObject): JsonObject {
  return body.parameters === undefined ? {} : objectAt(body.parameters, 'parameters');
}

/** Triton's clients send the configuration as JSON inside of text. */
function configOf(parameters: JsonObject): unknown {
  if (typeof parameters.config === 'object' && parameters.config !== null)
    return objectAt(parameters.config, 'parameters.config');
  const text = textOf(parameters, 'config', 'parameters.');
  if (text === undefined || text === '') return undefined;
  return objectAt(parseJson(Buffer.from(text), 'parameters.config'), 'parameters.config');
}

function auditFields(model: string, client: string) {
  return { event_type: 'model_repository', model: model.slice(0, 128), client };
}
