import type { RequestHandler } from 'express';
import type { Registry } from '../engine/registry.ts';
import { ServiceError } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import type { BodyReader } from './body-reader.ts';
import type { Door } from './door.ts';
import type { LogSettings } from './log-settings.ts';
import { readJsonBody } from './read-json-body.ts';
import { requestTrace } from './trace-request.ts';
import { type TraceSettingsStore, traceSettingsAnswer } from './trace-settings.ts';

type Parts = {
  door: Door;
  registry: Registry;
  bodies: BodyReader;
  traceSettings: TraceSettingsStore;
  logSettings: LogSettings;
};

/** GET /v2[/models/M]/trace/setting */
export function showTraceSettings({ door, registry, traceSettings }: Parts): RequestHandler {
  return (request, response) => {
    door.identify(request);
    response.json(traceSettingsAnswer(traceSettings.of(knownModel(registry, request.params.model as string))));
  };
}

/** POST /v2[/models/M]/trace/setting */
export function changeTraceSettings({ door, registry, bodies, traceSettings }: Parts): RequestHandler {
  return async (request, response) => {
    door.refuseForeignPages(request);
    const client = door.identifyAdmin(request);
    const given = await readJsonBody(bodies, request);
    const changed = traceSettings.change(given, knownModel(registry, request.params.model as string));
    log(
      'audit',
      'info',
      'Trace settings were changed',
      { event_type: 'settings_changed', client: client.name },
      requestTrace(response).context,
    );
    response.json(traceSettingsAnswer(changed));
  };
}

/** GET /v2/logging */
export function showLogSettings({ door, logSettings }: Parts): RequestHandler {
  return (request, response) => {
    door.identify(request);
    response.json(logSettings.answer());
  };
}

/** POST /v2/logging */
export function changeLogSettings({ door, bodies, logSettings }: Parts): RequestHandler {
  return async (request, response) => {
    door.refuseForeignPages(request);
    const client = door.identifyAdmin(request);
    logSettings.change(await readJsonBody(bodies, request));
    log(
      'audit',
      'info',
      'Log settings were changed',
      { event_type: 'settings_changed', client: client.name },
      requestTrace(response).context,
    );
    response.json(logSettings.answer());
  };
}

function knownModel(registry: Registry, name: string | undefined): string | undefined {
  if (name === undefined || registry.models().some((model) => model.name === name)) return name;
  throw new ServiceError(
    'model_not_found',
    'Cannot find this model: the repository does not have it; POST /v2/repository/index lists what there is.',
  );
}
