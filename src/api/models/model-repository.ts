import type { Request, Response } from 'express';
import type { z } from 'zod';
import { batchingFacts, type Manifest } from '../../engine/registry/manifest.ts';
import type { ModelState, Registry } from '../../engine/registry/registry.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { objectAt } from '../../http/json/json-fields.ts';
import { malformed } from '../../http/json/malformed.ts';
import { parseJson } from '../../http/json/parse-json.ts';
import { readJsonBy } from '../../http/json/read-json-by.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import type { Client } from '../access/clients.ts';
import type { MakeChange } from '../processes/make-changes.ts';
import { indexRequest, loadRequest, unloadRequest } from './repository-requests.ts';

type Parts = { registry: Registry; bodies: BodyReader; changes: MakeChange };

/** POST /v2/repository/index: everything in the repository, its state, and why it is not ready. */
export function repositoryIndex({ registry, bodies }: Pick<Parts, 'registry' | 'bodies'>) {
  return async (request: Request, response: Response, client: Client): Promise<void> => {
    const { ready: readyOnly = false } = await readJsonBy(indexRequest, bodies, request);
    response.json(await indexFor(registry, client, readyOnly));
  };
}

/** Of the models that the client may use. */
export async function indexFor(registry: Registry, client: Client, readyOnly: boolean) {
  return (await registry.index())
    .filter(({ state, name }) => (!readyOnly || state === 'ready') && (client.key?.mayUse(name) ?? true))
    .map(({ name, version, state, reason, model }) => ({
      name,
      version,
      state: tritonStates[state],
      reason,
      ...(model && { vitrine: { batching: batchingFacts(model.manifest), ...stepsOf(model.manifest) } }),
    }));
}

/** Of a pipeline: what its steps are called, and what does each. */
function stepsOf({ steps }: Manifest) {
  if (steps === undefined) return {};
  return { steps: steps.map(({ name, model, version, operation }) => ({ name, model, version, operation })) };
}

/**
 * POST /v2/repository/models/M/load: loads or reloads it; `parameters.config` is a manifest, as
 * text or object.
 */
export function loadModel({ registry, bodies, changes }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    await load({ registry, changes }, request.params.model as string, entry, async () => {
      const { parameters = {} } = await readJsonBy(loadRequest, bodies, request);
      return parameters;
    });
    // Triton answers with nothing; clients read only the status.
    response.json({});
  };
}

/** Loads a model as an act of administration; the entry says from what to what. */
export async function load(
  { registry, changes }: Omit<Parts, 'bodies'>,
  name: string,
  entry: AuditEntry,
  readParameters: () => Promise<LoadParameters>,
): Promise<void> {
  entry.from = describe(registry, name, entry);
  const parameters = await readParameters();
  for (const given of Object.keys(parameters))
    if (given.startsWith('file:'))
      throw malformed(`parameters.${given.slice(0, 48)}`, 'is a file; put files into the folder of VITRINE_MODELS');
  try {
    await changes({ kind: 'model_load', name, config: () => configOf(parameters) });
  } finally {
    entry.to = describe(registry, name, entry);
  }
}

/** POST /v2/repository/models/M/unload: what it has is answered, then it is gone. */
export function unloadModel({ registry, bodies, changes }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    // unload_dependents is passed over: pipelines that need the model are not ready from now on.
    await unload({ registry, changes }, request.params.model as string, entry, () =>
      readJsonBy(unloadRequest, bodies, request),
    );
    response.json({});
  };
}

/** Unloads a model likewise. */
export async function unload(
  { registry, changes }: Omit<Parts, 'bodies'>,
  name: string,
  entry: AuditEntry,
  readParameters?: () => Promise<unknown>,
): Promise<void> {
  entry.from = describe(registry, name, entry);
  await readParameters?.();
  await changes({ kind: 'model_unload', name });
  entry.to = describe(registry, name, entry);
}

export type LoadParameters = NonNullable<z.output<typeof loadRequest>['parameters']>;

const tritonStates: Readonly<Record<ModelState, string>> = {
  loading: 'LOADING',
  ready: 'READY',
  unloading: 'UNLOADING',
  unavailable: 'UNAVAILABLE',
};

/** Triton's clients send the configuration as JSON inside of text. */
function configOf({ config }: LoadParameters): unknown {
  if (typeof config !== 'string') return config;
  return config === '' ? undefined : objectAt(parseJson(Buffer.from(config), 'parameters.config'), 'parameters.config');
}

/**
 * The versions that are ready, for the audit log. The model is named only if the repository has it.
 */
function describe(registry: Registry, name: string, entry: AuditEntry): string {
  if (registry.models().some((model) => model.name === name)) entry.model = name;
  const versions = registry.versions(name);
  return versions.length === 0 ? 'not loaded' : `version ${versions.join(', ')}`;
}
