import { ServiceError } from '../../errors.ts';
import type { Caller } from '../../http/caller.ts';
import { requestTrace } from '../../http/trace-request.ts';
import { type LogFields, log } from '../../telemetry/logger.ts';
import type { EventName } from '../../telemetry/names/events.ts';
import { attribute } from '../../telemetry/names/names.ts';
import type { Act } from '../routes.ts';

const acts: Readonly<Record<Act, { event: EventName; done: string; failed: string }>> = {
  model_load: { event: 'model_repository', done: 'A model was loaded', failed: 'A model was not loaded' },
  model_unload: { event: 'model_repository', done: 'A model was unloaded', failed: 'A model was not unloaded' },
  trace_settings: {
    event: 'settings_changed',
    done: 'Trace settings were changed',
    failed: 'Trace settings were not changed',
  },
  log_settings: {
    event: 'settings_changed',
    done: 'Log settings were changed',
    failed: 'Log settings were not changed',
  },
  alert_silence: {
    event: 'silence_changed',
    done: 'Silences of alerts were changed',
    failed: 'Silences of alerts were not changed',
  },
};

/** What an act of administration found and left; the handler fills it in. */
export type AuditEntry = {
  /** A name that exists: one that the caller made up is not recorded. */
  model?: string;
  from?: string;
  to?: string;
};

/**
 * Does an act of administration and logs it in the audit stream, whatever the outcome: who, from
 * where, from what to what. A refused one is logged like a failed one.
 */
export async function audited(
  act: Act,
  of: {
    readonly request: Caller;
    /** What the request's trace is found by. */
    readonly response: object;
    readonly admit: () => unknown;
    readonly act: (entry: AuditEntry) => unknown;
  },
): Promise<void> {
  const entry: AuditEntry = {};
  try {
    of.admit();
    await of.act(entry);
  } catch (error) {
    record(act, entry, of, error instanceof ServiceError ? error.code : 'internal');
    throw error;
  }
  record(act, entry, of, 'ok');
}

function record(
  act: Act,
  entry: AuditEntry,
  { request, response }: { request: Caller; response: object },
  outcome: string,
): void {
  const trace = requestTrace(response);
  const { event, done, failed } = acts[act];
  const { model, from, to } = entry;
  const fields: LogFields = {
    event_type: event,
    act,
    outcome,
    tenant: trace.tenant,
    [attribute.clientAddress]: request.ip,
    [attribute.requestId]: trace.requestId,
    ...(model !== undefined && { model }),
    ...(from !== undefined && { from }),
    ...(to !== undefined && { to }),
  };
  if (outcome === 'ok') log('audit', 'info', `${done} through the API`, fields, trace.context);
  else log('audit', 'warn', `${failed} through the API: ${outcome}`, fields, trace.context);
}
