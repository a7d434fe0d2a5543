import { z } from 'zod';
import { wholeText } from '../../http/whole-text.ts';

// What may be asked of /v1/jobs: read by the handlers and shown in /openapi.json.

export const jobId = /^[0-9a-f-]{36}$/;

const noTime = 'before is no time like 2026-01-31T12:00:00Z';
/** As RFC 3339 has it. 29 February is of every year. */
const clock = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])';
const day = '(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31|02-29';
const time = new RegExp(`^[0-9]{4}-(${day})T${clock}$`);

export const jobListQuery = z.object({
  limit: wholeText('limit', 1, 1000).optional().describe('How many at most; 100 when left out.'),
  before: z
    .string({ error: noTime })
    .regex(time, noTime)
    .transform((given) => Date.parse(given))
    .optional()
    .describe('Made before this time.'),
  before_id: z
    .string({ error: 'before_id is no id of a job' })
    .regex(jobId, 'before_id is no id of a job')
    .optional()
    .describe('With before: the id that the page before ended with, since several may be of one time.'),
});

export const followHeaders = z.object({
  'Last-Event-ID': z
    .string()
    .optional()
    .describe('The last event received: only later ones are sent. What is no id of an event is ignored.'),
});
