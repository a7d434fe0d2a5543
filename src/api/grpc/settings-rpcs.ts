import type { Registry } from '../../engine/registry/registry.ts';
import type { AuditEntry } from '../access/audit-entry.ts';
import type { MakeChange } from '../processes/make-changes.ts';
import type { LogSettings } from '../settings/log-settings.ts';
import { changeLogging, changeTracing, knownModel } from '../settings/settings-routes.ts';
import { type TraceSettings, type TraceSettingsStore, traceSettingsAnswer } from '../settings/trace-settings.ts';
import type { Message } from './protocol/codec.ts';

type Parts = {
  readonly registry: Registry;
  readonly traceSettings: TraceSettingsStore;
  readonly logSettings: LogSettings;
  readonly changes: MakeChange;
};

/** Whether the message changes anything, or only asks. */
export function hasChanges(message: Message): boolean {
  return (message.settings as ReadonlyMap<string, unknown>).size > 0;
}

export function showTracing({ registry, traceSettings }: Parts, message: Message): Message {
  return traceAnswer(traceSettings.of(knownModel(registry, modelOf(message))));
}

export async function changeTracingByMessage(parts: Parts, message: Message, entry: AuditEntry): Promise<Message> {
  const model = knownModel(parts.registry, modelOf(message));
  return traceAnswer(await changeTracing(parts, model, entry, async () => traceChanges(message)));
}

export function showLogging({ logSettings }: Pick<Parts, 'logSettings'>): Message {
  return logAnswer(logSettings);
}

export async function changeLoggingByMessage(parts: Parts, message: Message, entry: AuditEntry): Promise<Message> {
  await changeLogging(parts, entry, async () => logChanges(message));
  return logAnswer(parts.logSettings);
}

function modelOf({ model_name: name }: Message): string | undefined {
  return name === '' ? undefined : (name as string);
}

/** A setting without a value is cleared. */
function traceChanges({ settings }: Message): Record<string, unknown> {
  const given = [...(settings as ReadonlyMap<string, Message>)].map(([name, message]) => {
    const values = message.value as readonly string[];
    return [name, values.length === 0 ? null : name === 'trace_level' ? values : values[0]];
  });
  return Object.fromEntries(given);
}

function traceAnswer(settings: TraceSettings): Message {
  const entries = Object.entries(traceSettingsAnswer(settings));
  return {
    settings: new Map(entries.map(([name, value]) => [name, { value: Array.isArray(value) ? value : [value] }])),
  };
}

function logChanges({ settings }: Message): Record<string, unknown> {
  const given = [...(settings as ReadonlyMap<string, Message>)].map(([name, value]) => [
    name,
    value.bool_param ?? value.uint32_param ?? value.string_param,
  ]);
  return Object.fromEntries(given);
}

/** Triton's words only: `loggers` is no value that its message can hold. */
function logAnswer(logSettings: LogSettings): Message {
  const words = Object.entries(logSettings.answer()).flatMap(([name, value]) => {
    const setting = settingValue(value);
    return setting ? [[name, setting] as const] : [];
  });
  return { settings: new Map(words) };
}

function settingValue(value: unknown): Message | undefined {
  if (typeof value === 'boolean') return { bool_param: value };
  if (typeof value === 'number') return { uint32_param: value };
  return typeof value === 'string' ? { string_param: value } : undefined;
}
