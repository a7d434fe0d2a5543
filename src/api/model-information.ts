import type { RequestHandler } from 'express';
import { modelMetadata } from '../engine/manifest.ts';
import type { Registry } from '../engine/registry.ts';
import { tritonStatistics } from '../engine/statistics.ts';
import { tritonConfig } from '../engine/triton-config.ts';
import type { Door } from './door.ts';
import { findAllowed, targetOf } from './infer.ts';

type Parts = { door: Door; registry: Registry };

/** GET /v2/models/M: names, types and shapes. */
export function modelMetadataOf({ door, registry }: Parts): RequestHandler {
  return (request, response) => {
    const model = findAllowed(registry, door.identify(request), targetOf(request));
    response.json(modelMetadata(model.manifest, registry.versions(model.name)));
  };
}

/** GET /v2/models/M/ready: 200, or the failure that says why not. */
export function modelReady({ door, registry }: Parts): RequestHandler {
  return (request, response) => {
    const { name, version } = findAllowed(registry, door.identify(request), targetOf(request));
    response.json({ name, version, ready: true });
  };
}

/** GET /v2/models/M/config, as Triton's clients read it. */
export function modelConfig({ door, registry }: Parts): RequestHandler {
  return (request, response) => {
    response.json(tritonConfig(findAllowed(registry, door.identify(request), targetOf(request)).manifest));
  };
}

/** GET /v2/models/M/stats. Without a version: every version that is ready. */
export function modelStatistics({ door, registry }: Parts): RequestHandler {
  return (request, response) => {
    const client = door.identify(request);
    const found = findAllowed(registry, client, targetOf(request));
    const models = request.params.version
      ? [found]
      : registry.versions(found.name).map((version) => registry.find(found.name, version));
    response.json({
      model_stats: models.map((model) => tritonStatistics(model.name, model.version, model.statistics)),
    });
  };
}

/** GET /v2/models/stats: every model that is ready and that the client may use. */
export function allStatistics({ door, registry }: Parts): RequestHandler {
  return (request, response) => {
    const client = door.identify(request);
    const model_stats = registry
      .models()
      .filter(({ state, name }) => state === 'ready' && (client.key?.mayUse(name) ?? true))
      .map(({ name, version }) => tritonStatistics(name, version, registry.find(name, version).statistics));
    response.json({ model_stats });
  };
}
