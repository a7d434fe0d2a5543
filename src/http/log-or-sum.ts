import type { Context } from '@opentelemetry/api';
import { type LogFields, log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';

/**
 * A client that guesses keys must not fill the log: above this rate its refusals are summed up in
 * one line a second.
 */
const linesPerSecondMax = 10;
/** Bounds the memory of one second; the addresses beyond it share one sum. */
const addressesMax = 256;

type Refusals = { lines: number; unsaid: number; last: LogFields };

let byAddress = new Map<string, Refusals>();
let summing: NodeJS.Timeout | undefined;

/** Logs a refusal in the stream `security`, or counts it in the sum of its address. */
export function logOrSum(message: string, fields: LogFields, address: string, context?: Context): void {
  summing ??= setTimeout(logSums, 1000).unref();
  const key = byAddress.has(address) || byAddress.size < addressesMax ? address : 'others';
  const refusals = byAddress.get(key) ?? { lines: 0, unsaid: 0, last: fields };
  byAddress.set(key, refusals);
  refusals.last = fields;
  if (refusals.lines === linesPerSecondMax) {
    refusals.unsaid += 1;
    return;
  }
  refusals.lines += 1;
  log('security', 'warn', message, fields, context);
}

/** One line for each address that was refused more often than it has lines. A stop calls it too. */
export function logSums(): void {
  clearTimeout(summing);
  summing = undefined;
  const ended = byAddress;
  byAddress = new Map();
  for (const [key, { unsaid, last }] of ended)
    if (unsaid > 0)
      log(
        'security',
        'warn',
        `A caller was refused ${unsaid} more times within a second; the fields are those of the last`,
        {
          ...last,
          ...(key === 'others' && { [attribute.clientAddress]: 'others' }),
          lines_unsaid: unsaid,
        },
      );
}
