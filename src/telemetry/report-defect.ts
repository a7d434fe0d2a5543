import type { Context } from '@opentelemetry/api';
import { type LogFields, log } from './logger.ts';
import { counter } from './metrics.ts';

/** An error that nobody foresaw: it is counted, and logged with its cause. It ends the request or job it belongs to, never the process. */
export function reportDefect(
  where: 'request' | 'job' | 'promise',
  error: unknown,
  fields: LogFields = {},
  context?: Context,
): void {
  counter('defects').add(1, { where });
  const cause = error instanceof Error ? (error.stack ?? error.message) : String(error);
  log('app', 'error', `A defect ${places[where]}: ${cause}`, { event_type: 'defect', ...fields }, context);
}

const places = {
  request: 'while answering',
  job: 'in a job',
  promise: 'in a promise that nothing waited for',
} as const;
