import type { Context } from '@opentelemetry/api';
import { recordedStack } from '../errors.ts';
import { type LogFields, log } from './logger.ts';
import { counter } from './meter/metrics.ts';

/** An error that nobody foresaw: it is counted, and logged with its cause. It ends the request or job it belongs to, never the process. */
export function reportDefect(
  where: 'request' | 'job' | 'promise',
  error: unknown,
  fields: LogFields = {},
  context?: Context,
): void {
  counter('defects').add(1, { where });
  log(
    'app',
    'error',
    `A defect ${places[where]}: ${recordedStack(error)}`,
    { event_type: 'defect', ...fields },
    context,
  );
}

/** The series begin at zero, or the first defect would be no increase. */
export function countDefectsFromZero(): void {
  for (const where of Object.keys(places)) counter('defects').add(0, { where });
}

const places = {
  request: 'while answering',
  job: 'in a job',
  promise: 'in a promise that nothing waited for',
} as const;
