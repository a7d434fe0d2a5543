import { z } from 'zod';
import { minutesMax } from '../requests/flight-queries.ts';

// What may be asked of POST /v1/what-if, and what it answers.

const word = (name: string) =>
  z
    .string({ error: `${name} is no text` })
    .min(1)
    .max(256, `${name} is longer than 256`);
const count = (name: string, min: number, max: number) =>
  z
    .int({ error: `${name} is no whole number` })
    .min(min, `${name} is below ${min}`)
    .max(max, `${name} is over ${max}`);
const instant = (name: string) =>
  z.iso.datetime({ offset: true, error: `${name} is no time as 2026-11-30T04:00:00Z` }).optional();

const replicasMax = 16;
const loadMax = 10;

export const whatIfAsked = z
  .strictObject({
    model: word('model'),
    version: word('version').optional().describe('The newest that is ready when left out.'),
    minutes: count('minutes', 1, minutesMax).optional().describe('Of how many minutes until now; 60 when left out.'),
    from: instant('from').describe('Instead of minutes: from when.'),
    to: instant('to').describe('Until when; now when left out.'),
    lanes: count('lanes', 1, 64).optional(),
    rows_max: count('rows_max', 0, 65_536).optional().describe('Rows in one batch at most; 0: each request alone.'),
    delay_us_max: count('delay_us_max', 0, 60_000_000)
      .optional()
      .describe('How long an idle lane waits for more rows.'),
    queue_inputs_max: count('queue_inputs_max', 1, 1_000_000).optional().describe('Requests that may wait.'),
    queue_bytes_max: count('queue_bytes_max', 1, 2 ** 40)
      .optional()
      .describe('Input bytes that may wait.'),
    replicas: count('replicas', 1, replicasMax).optional().describe('As many such services share the arrivals.'),
    without_tenant: word('without_tenant').optional().describe('Without the requests of this tenant.'),
    load: z
      .number({ error: 'load is no number' })
      .min(0.1, 'load is below 0.1')
      .max(loadMax, `load is over ${loadMax}`)
      .optional()
      .describe('2: twice as many arrivals.'),
  })
  .meta({ example: { model: 'dnsmos', minutes: 60, lanes: 2 } });

const served = z.object({
  arrivals: z.int(),
  answered: z.int(),
  refused: z.int().describe('queue_full.'),
  expired: z.int().describe('Their deadline passed.'),
  left: z.int().describe('Their callers left.'),
  failed: z.int(),
  p50_ms: z.number(),
  p95_ms: z.number(),
  p99_ms: z.number(),
  mean_ms: z.number(),
  max_ms: z.number(),
  queue_p50_ms: z.number(),
  queue_p95_ms: z.number(),
  batches: z.int(),
  requests_each: z.number().describe('Requests in a batch, on average.'),
  utilisation: z.number().describe('Of the time of all lanes, from 0 to 1.'),
});

export const whatIfAnswered = z
  .object({
    model: z.string(),
    version: z.string(),
    from: z.string().describe('Where everything that ended later is remembered.'),
    to: z.string(),
    was: served.describe('As recorded.'),
    unchanged: served.describe('The replay with nothing changed: so much a replay may be wrong.'),
    changed: served.describe('The replay with what was asked.'),
    notes: z.array(z.string()).describe('What the figures rest on.'),
    manifest: z
      .object({ batching: z.looseObject({}), lanes: z.looseObject({}), queue: z.looseObject({}) })
      .describe('The sections of model.json that make it so.'),
  })
  .meta({
    example: {
      model: 'dnsmos',
      version: '1',
      from: '2026-11-30T04:00:00.000Z',
      to: '2026-11-30T05:00:00.000Z',
      was: exampleOf(1312, 13_200, 0.99),
      unchanged: exampleOf(1312, 13_050, 0.99),
      changed: exampleOf(1312, 3_100, 0.51),
      notes: [],
      manifest: { batching: { rows_max: 2 }, lanes: { count: 2 }, queue: { inputs_max: 4096 } },
    },
  });

function exampleOf(arrivals: number, p95: number, utilisation: number) {
  return {
    ...{ arrivals, answered: arrivals, refused: 0, expired: 0, left: 0, failed: 0 },
    ...{ p50_ms: p95 / 3, p95_ms: p95, p99_ms: 1.2 * p95, mean_ms: p95 / 2, max_ms: 1.5 * p95 },
    ...{ queue_p50_ms: p95 / 4, queue_p95_ms: 0.9 * p95, batches: arrivals, requests_each: 1, utilisation },
  };
}
