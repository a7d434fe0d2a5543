import { z } from 'zod';
import { faults } from '../../errors.ts';
import { wholeText } from '../../http/whole-text.ts';

// What may be asked of /v1/requests: read by the handlers and shown in /openapi.json.

export const minutesMax = 60;
/** How many of each list at most. */
export const listMax = { recent: 1000, failed: 1000, slowest: 50 } as const;
const orders = Object.keys(listMax) as (keyof typeof listMax)[];

const minutes = wholeText('minutes', 1, minutesMax)
  .optional()
  .describe('Of how many minutes until now; 15 when left out.');
const model = z.string({ error: 'model is given more than once' }).optional().describe('Of this model only.');

export const flightListFilter = z.object({
  minutes,
  model,
  fault: z
    .enum(faults, { error: `fault is none of ${faults.join(', ')}` })
    .optional()
    .describe('Whose failure it was; left out: also what did not fail.'),
});

export const flightListQuery = flightListFilter
  .extend({
    recent: wholeText('recent', 1, listMax.recent).optional(),
    failed: wholeText('failed', 1, listMax.failed).optional(),
    slowest: wholeText('slowest', 1, listMax.slowest).optional(),
  })
  .refine((given) => orders.filter((order) => given[order] !== undefined).length <= 1, {
    error: 'recent, failed and slowest exclude each other',
  });

/** Which list is asked for, and how long it may be. */
export function flightOrder(given: z.output<typeof flightListQuery>) {
  const order = orders.find((each) => given[each] !== undefined) ?? 'recent';
  return { order, most: given[order] ?? 20 };
}

export const flightSummaryQuery = z.object({ minutes, model });
