import { z } from 'zod';
import { faults } from '../../errors.ts';
import { wholeText } from '../../http/whole-text.ts';
import type { Span } from '../../spans-of-time.ts';
import { taskKinds } from '../../task-kinds.ts';
import { clockOf } from './clock-of.ts';
import { instant, minutesMax } from './flight-queries.ts';
import { difference } from './why-answer.ts';

// What may be asked of /v1/requests/compare and /v1/blame, and what they answer.

const word = (name: string) => z.string({ error: `${name} is no text` }).max(256, `${name} is longer than 256`);
const ms = (name: string) =>
  z
    .number({ error: `${name} is no number` })
    .min(0, `${name} is below 0`)
    .max(86_400_000, `${name} is over a day`);

/** Which requests belong to a set; all that is given must hold. */
export const requestSet = z
  .strictObject({
    model: word('model').optional(),
    version: word('version').optional(),
    task: z.enum(taskKinds, { error: `task is none of ${taskKinds.join(', ')}` }).optional(),
    tenant: word('tenant').optional(),
    route: word('route').optional().describe('As in /v2/models/:model/infer.'),
    status: z.int({ error: 'status is no whole number' }).min(100).max(599).optional(),
    failure: word('failure').optional().describe('A code of docs/errors.md.'),
    failed: z.boolean({ error: 'failed is neither true nor false' }).optional(),
    fault: z.enum(faults, { error: `fault is none of ${faults.join(', ')}` }).optional(),
    from: instant('from').describe('Ended at that time or later.'),
    to: instant('to').describe('Ended before that time.'),
    ms_min: ms('ms_min').optional().describe('Took so long or longer.'),
    ms_max: ms('ms_max').optional().describe('Took less.'),
    text: word('text').optional().describe('Has this text in an id, a name or the sentence of its failure.'),
  })
  .meta({ id: 'RequestSet' });

export const compareAsked = z
  .strictObject({
    minutes: z
      .int({ error: 'minutes is no whole number' })
      .min(1, 'minutes is below 1')
      .max(minutesMax, `minutes is over ${minutesMax}`)
      .optional()
      .describe('Of how many minutes until now; 60 when left out.'),
    among: requestSet.optional().describe('Both sets are chosen from these; all when left out.'),
    first: requestSet.optional().describe('The first set.'),
    slowest_percent: z
      .number({ error: 'slowest_percent is no number' })
      .min(0.1, 'slowest_percent is below 0.1')
      .max(50, 'slowest_percent is over 50')
      .optional()
      .describe('The first set: the slowest so many percent of those in `among`.'),
    second: requestSet.optional().describe('The second set; all that are not in the first when left out.'),
  })
  .meta({
    example: { minutes: 15, among: { model: 'dnsmos' }, slowest_percent: 5 },
    override: ({ jsonSchema }) => {
      jsonSchema.anyOf = [{ required: ['first'] }, { required: ['slowest_percent'] }];
    },
  });

export const compareAnswered = z
  .object({
    first: z.object({ requests: z.int() }),
    second: z.object({ requests: z.int() }),
    slower_than_ms: z.number().nullable().describe('With slowest_percent: what the first set took at least.'),
    differences: z.array(difference),
  })
  .meta({
    example: {
      first: { requests: 24 },
      second: { requests: 92 },
      slower_than_ms: null,
      differences: [
        {
          says: 'rows below 1: 24 of 24 (100 %) against 0 of 92 (0 %)',
          field: 'rows',
          is: 'below',
          value: 1,
          first: { have: 24, of: 24 },
          second: { have: 0, of: 92 },
          parts: 1,
        },
      ],
    },
  });

export const spanQuery = {
  minutes: wholeText('minutes', 1, minutesMax).optional().describe('Of how many minutes until now; 15 when left out.'),
  from: instant('from').describe('Instead of minutes: from when.'),
  to: instant('to').describe('Until when; now when left out.'),
};

/** In the milliseconds of performance.now(). */
export function spanAsked({
  minutes = 15,
  from,
  to,
}: {
  minutes?: number | undefined;
  from?: string | undefined;
  to?: string | undefined;
}): Span {
  const until = to === undefined ? performance.now() : clockOf(to);
  return { from: from === undefined ? until - minutes * 60_000 : clockOf(from), to: until };
}
