import { z } from 'zod';
import type { Competition } from '../../observe/flight/flight-recorder.ts';
import type { Eyes } from '../../observe/why/why.ts';
import type { Span } from '../../spans-of-time.ts';
import { spanQuery } from './compare-queries.ts';
import { isoTime, milliseconds } from './flight-answer.ts';

export const batchesQuery = z.object(spanQuery);

/** So many batches in one answer: the newest. */
const batchesMax = 5000;

export const batchesAnswered = z
  .object({
    from: z.string(),
    to: z.string(),
    is_whole: z.boolean().describe('False: some batches of that time are forgotten, or too many for one answer.'),
    batches: z.array(
      z.object({
        model: z.string().nullable().describe('null: a model that your key does not include.'),
        version: z.string().nullable(),
        lane: z.string(),
        id: z.int(),
        started_at: z.string(),
        duration_ms: z.number(),
        requests: z.int(),
        rows: z.int(),
        rows_max: z.int(),
        closed_by: z.string(),
        outcome: z.string(),
        tenants: z.array(z.string()).describe('(others): tenants that your key does not see.'),
      }),
    ),
    loads: z.array(
      z.object({
        model: z.string(),
        version: z.string(),
        started_at: z.string(),
        duration_ms: z.number(),
        result: z.string(),
      }),
    ),
  })
  .meta({
    example: {
      from: '2026-11-30T04:00:00.000Z',
      to: '2026-11-30T04:01:00.000Z',
      is_whole: true,
      batches: [
        {
          model: 'dnsmos',
          version: '1',
          lane: 'thread-6',
          id: 17,
          started_at: '2026-11-30T04:00:12.000Z',
          duration_ms: 951.2,
          requests: 2,
          rows: 2,
          rows_max: 4,
          closed_by: 'idle',
          outcome: 'ran',
          tenants: ['studio'],
        },
      ],
      loads: [],
    },
  });
type Answered = z.output<typeof batchesAnswered>;

export function batchesAnswer(span: Span, { batches, loads, isWhole }: Competition, eyes: Eyes): Answered {
  const tenantOf = (tenant: string | undefined) =>
    tenant === undefined ? [] : [eyes.sees({ tenant }) ? tenant : '(others)'];
  return {
    from: isoTime(span.from),
    to: isoTime(span.to),
    is_whole: isWhole && batches.length <= batchesMax,
    batches: batches.slice(0, batchesMax).map((batch) => {
      const isNamed = eyes.mayName(batch.model);
      return {
        model: isNamed ? batch.model : null,
        version: isNamed ? batch.version : null,
        lane: batch.lane,
        id: batch.id,
        started_at: isoTime(batch.startedAt),
        duration_ms: milliseconds(batch.endedAt - batch.startedAt),
        requests: batch.inputs,
        rows: batch.rows,
        rows_max: batch.rowsMax,
        closed_by: batch.closedBy,
        outcome: batch.outcome,
        tenants: [...new Set(batch.shares.flatMap(({ tenant }) => tenantOf(tenant)))],
      };
    }),
    loads: loads
      .filter(({ model }) => eyes.mayName(model))
      .map(({ model, version, startedAt, endedAt, result }) => ({
        model,
        version,
        started_at: isoTime(startedAt),
        duration_ms: milliseconds(endedAt - startedAt),
        result,
      })),
  };
}

/** Of several processes, each with lanes of its own. */
export function wholeBatches(own: Answered, answers: readonly unknown[]): Answered {
  const all = [own, ...(answers as Answered[])];
  return {
    ...own,
    is_whole: all.every((each) => each.is_whole),
    batches: all.flatMap((each, process) =>
      each.batches.map((batch) => (all.length > 1 ? { ...batch, lane: `${process + 1}/${batch.lane}` } : batch)),
    ),
    loads: all.flatMap((each) => each.loads),
  };
}
