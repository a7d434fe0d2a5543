import type { Context } from '@opentelemetry/api';
import { recordedStack } from '../errors.ts';
import { type LogFields, log } from './logger.ts';
import type { Meter } from './meter.ts';
import { exceptionFields } from './spans.ts';

/**
 * Counts and logs an unexpected error. It ends the request or job it belongs to, never the process.
 */
export function reportDefect(
  where: 'request' | 'job' | 'promise',
  error: unknown,
  fields: LogFields = {},
  context?: Context,
): void {
  counts[where] += 1;
  log(
    'app',
    'error',
    `A defect ${places[where]}: ${recordedStack(error)}`,
    { event_type: 'defect', ...exceptionFields(error), ...fields },
    context,
  );
}

/**
 * Exports the counts of this process. They begin at zero, or the first defect would be no increase.
 */
export function observeDefects(meter: Meter): void {
  meter.observedCounter('defects', (observe) => {
    for (const [where, count] of Object.entries(counts)) observe(count, where);
  });
}

const counts = { request: 0, job: 0, promise: 0 };

const places = {
  request: 'while answering',
  job: 'in a job',
  promise: 'in a promise that nothing waited for',
} as const;
