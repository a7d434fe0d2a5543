import { z } from 'zod';
import { faults } from '../../errors.ts';
import { wholeText } from '../../http/whole-text.ts';
import { taskKinds } from '../../task-kinds.ts';

// What may be asked of /v1/requests: read by the handlers and shown in /openapi.json.

export const minutesMax = 60;
/** How many of each list at most. */
export const listMax = { recent: 1000, failed: 1000, slowest: 50 } as const;
const orders = Object.keys(listMax) as (keyof typeof listMax)[];

const minutes = wholeText('minutes', 1, minutesMax)
  .optional()
  .describe('Of how many minutes until now; 15 when left out.');

const word = (name: string) =>
  z.string({ error: `${name} is given more than once` }).max(256, `${name} is longer than 256`);
const model = word('model').optional().describe('Of this model only.');

export const instant = (name: string) =>
  z.iso.datetime({ offset: true, error: `${name} is no time as 2026-11-30T04:00:00Z` }).optional();

function milliseconds(name: string) {
  const error = `${name} is no number of milliseconds, at most a day`;
  return z
    .string({ error })
    .regex(/^\d{1,8}(\.\d{1,6})?$/, error)
    .refine((digits) => Number(digits) <= 86_400_000, error)
    .transform(Number)
    .meta({
      override: ({ jsonSchema }) => {
        delete jsonSchema.pattern;
        Object.assign(jsonSchema, { type: 'number', minimum: 0, maximum: 86_400_000 });
      },
    });
}

export const flightListFilter = z.object({
  minutes,
  from: instant('from').describe('Ended at that time or later, instead of minutes.'),
  to: instant('to').describe('Ended before that time.'),
  model,
  fault: z
    .enum(faults, { error: `fault is none of ${faults.join(', ')}` })
    .optional()
    .describe('Whose failure it was; left out: also what did not fail.'),
  task: z
    .enum(taskKinds, { error: `task is none of ${taskKinds.join(', ')}` })
    .optional()
    .describe('Of this kind of task only.'),
  tenant: word('tenant').optional().describe('Of this tenant only.'),
  route: word('route').optional().describe('As in /v2/models/:model/infer.'),
  status: wholeText('status', 100, 599).optional().describe('Answered with this status.'),
  failure: word('failure').optional().describe('A code of docs/errors.md.'),
  ms_min: milliseconds('ms_min').optional().describe('Took so many milliseconds or more.'),
  ms_max: milliseconds('ms_max').optional().describe('Took fewer milliseconds.'),
  text: word('text').optional().describe('Has this text in an id, a name or the sentence of its failure.'),
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

export const distributionQuery = flightListFilter.extend({
  columns: wholeText('columns', 1, 400)
    .optional()
    .describe('Into how many parts the time is divided; 60 when left out.'),
  failed: z
    .enum(['true', 'false'], { error: 'failed is neither true nor false' })
    .optional()
    .describe('Only those that failed, or only those that did not.'),
});

/** Which list is asked for, and how long it may be. */
export function flightOrder(given: z.output<typeof flightListQuery>) {
  const order = orders.find((each) => given[each] !== undefined) ?? 'recent';
  return { order, most: given[order] ?? 20 };
}

export const flightSummaryQuery = z.object({ minutes, model });
