import type { Request, Response } from 'express';
import type { Registry } from '../../engine/registry/registry.ts';
import { ServiceError } from '../../errors.ts';
import type { BodyReader } from '../../http/body-reader.ts';
import { readJsonBody } from '../../http/json/read-json-body.ts';
import { say } from '../../sentence.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import type { MakeChange } from '../processes/make-changes.ts';
import type { LogSettings } from './log-settings.ts';
import { type TraceSettings, type TraceSettingsStore, traceSettingsAnswer } from './trace-settings.ts';

type Parts = {
  registry: Registry;
  bodies: BodyReader;
  traceSettings: TraceSettingsStore;
  logSettings: LogSettings;
  changes: MakeChange;
};

/** GET /v2[/models/M]/trace/setting */
export function showTraceSettings({ registry, traceSettings }: Parts) {
  return (request: Request, response: Response): void => {
    response.json(traceSettingsAnswer(traceSettings.of(knownModel(registry, request.params.model as string))));
  };
}

/** POST /v2[/models/M]/trace/setting */
export function changeTraceSettings({ registry, bodies, traceSettings, changes }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    const model = knownModel(registry, request.params.model as string | undefined);
    const changed = await changeTracing({ traceSettings, changes }, model, entry, () => readJsonBody(bodies, request));
    response.json(traceSettingsAnswer(changed));
  };
}

/** Changes them as an act of administration; the entry says from what to what. */
export async function changeTracing(
  { traceSettings, changes }: Pick<Parts, 'traceSettings' | 'changes'>,
  model: string | undefined,
  entry: AuditEntry,
  readChanges: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<TraceSettings> {
  if (model !== undefined) entry.model = model;
  entry.from = JSON.stringify(traceSettings.of(model));
  await changes({ kind: 'trace_settings', model, given: await readChanges() });
  const changed = traceSettings.of(model);
  entry.to = JSON.stringify(changed);
  return changed;
}

/** GET /v2/logging */
export function showLogSettings({ logSettings }: Parts) {
  return (_request: Request, response: Response): void => {
    response.json(logSettings.answer());
  };
}

/** POST /v2/logging */
export function changeLogSettings({ bodies, logSettings, changes }: Parts) {
  return async (request: Request, response: Response, entry: AuditEntry): Promise<void> => {
    await changeLogging({ logSettings, changes }, entry, () => readJsonBody(bodies, request));
    response.json(logSettings.answer());
  };
}

/** Changes them likewise. */
export async function changeLogging(
  { logSettings, changes }: Pick<Parts, 'logSettings' | 'changes'>,
  entry: AuditEntry,
  readChanges: () => Promise<Readonly<Record<string, unknown>>>,
): Promise<void> {
  entry.from = JSON.stringify(logSettings.levels);
  await changes({ kind: 'log_settings', given: await readChanges() });
  entry.to = JSON.stringify(logSettings.levels);
}

/** Throws where the repository does not have it; undefined stays so. */
export function knownModel(registry: Registry, name: string | undefined): string | undefined {
  if (name === undefined || registry.models().some((model) => model.name === name)) return name;
  throw new ServiceError(
    'model_not_found',
    say`Cannot find this model: the repository does not have it; POST /v2/repository/index lists what there is.`,
  );
}
