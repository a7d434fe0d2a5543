import type { Request, Response } from 'express';
import type { RunnableModel } from '../../engine/pipelines/runnable-model.ts';
import { modelMetadata } from '../../engine/registry/manifest.ts';
import type { Registry } from '../../engine/registry/registry.ts';
import { tritonConfig } from '../../engine/registry/triton-config.ts';
import { tritonStatistics } from '../../engine/statistics.ts';
import type { Client } from '../access/clients.ts';

type Parts = { registry: Registry };

/** GET /v2/models/M: names, types and shapes. */
export function modelMetadataOf({ registry }: Parts) {
  return (request: Request, response: Response): void => {
    const model = findIn(registry, request);
    response.json(modelMetadata(model.manifest, registry.versions(model.name)));
  };
}

/** GET /v2/models/M/ready: 200, or the failure that says why not. */
export function modelReady({ registry }: Parts) {
  return (request: Request, response: Response): void => {
    const { name, version } = findIn(registry, request);
    response.json({ name, version, ready: true });
  };
}

/** GET /v2/models/M/config, as Triton's clients read it. */
export function modelConfig({ registry }: Parts) {
  return (request: Request, response: Response): void => {
    response.json(tritonConfig(findIn(registry, request).manifest));
  };
}

/** GET /v2/models/M/stats. Without a version: every version that is ready. */
export function modelStatistics({ registry }: Parts) {
  return (request: Request, response: Response): void => {
    const { model, version } = request.params as { model: string; version?: string };
    response.json({ model_stats: statisticsOf(registry, model, version) });
  };
}

/** Without a version: every version that is ready. */
export function statisticsOf(registry: Registry, name: string, version: string | undefined) {
  const found = registry.find(name, version);
  const models = version ? [found] : registry.versions(name).map((each) => registry.find(name, each));
  return models.map((model) => tritonStatistics(model.name, model.version, model.statistics));
}

/** GET /v2/models/stats: every model that is ready and that the client may use. */
export function allStatistics({ registry }: Parts) {
  return (_request: Request, response: Response, client: Client): void => {
    response.json({ model_stats: statisticsFor(registry, client) });
  };
}

/** Of every model that is ready and that the client may use. */
export function statisticsFor(registry: Registry, client: Client) {
  return registry
    .models()
    .filter(({ state, name }) => state === 'ready' && (client.key?.mayUse(name) ?? true))
    .map(({ name, version }) => tritonStatistics(name, version, registry.find(name, version).statistics));
}

function findIn(registry: Registry, request: Request): RunnableModel {
  const { model, version } = request.params as { model: string; version?: string };
  return registry.find(model, version);
}
