import { z } from 'zod';
import { type BlamedBy, type BlameMatrix, nobody } from '../../observe/blame/blame-matrix.ts';
import type { Eyes } from '../../observe/why/why.ts';
import type { Span } from '../../spans-of-time.ts';
import { spanQuery } from './compare-queries.ts';
import { isoTime, milliseconds } from './flight-answer.ts';

const kinds = ['tenant', 'model'] as const satisfies readonly BlamedBy[];

export const blameQuery = z.object({
  ...spanQuery,
  by: z
    .enum(kinds, { error: `by is none of ${kinds.join(', ')}` })
    .optional()
    .describe('What waits for what; tenant when left out.'),
});

export const blameMatrixAnswered = z
  .object({
    from: z.string(),
    to: z.string(),
    by: z.enum(kinds),
    requests: z.int().describe('Remembered requests that ended in that time.'),
    waited_ms: z.number(),
    is_whole: z.boolean().describe('False: some batches of that time are forgotten (VITRINE_FLIGHT_BATCHES_MAX).'),
    cells: z.array(
      z.object({
        waiter: z.string(),
        holder: z
          .string()
          .describe('(nobody): no batch held a lane then. (others): tenants that your key does not see.'),
        ms: z.number(),
      }),
    ),
  })
  .meta({
    example: {
      from: '2026-11-30T04:00:00.000Z',
      to: '2026-11-30T04:15:00.000Z',
      by: 'tenant',
      requests: 1204,
      waited_ms: 42_130.5,
      is_whole: true,
      cells: [{ waiter: 'guest', holder: 'studio', ms: 38_021.2 }],
    },
  });

export function blameMatrixAnswer(
  span: Span,
  by: BlamedBy,
  { matrix, requests, isWhole }: { matrix: BlameMatrix; requests: number; isWhole: boolean },
  eyes: Eyes,
): z.output<typeof blameMatrixAnswered> {
  const sees = (name: string) => (by === 'tenant' ? eyes.sees({ tenant: name }) : eyes.mayName(name.split(' ')[0]!));
  const cells = new Map<string, { waiter: string; holder: string; ms: number }>();
  for (const { waiter, holder, ms } of matrix.cells) {
    const named = holder === nobody || sees(holder) ? holder : '(others)';
    const cell = cells.get(`${waiter}\0${named}`) ?? { waiter, holder: named, ms: 0 };
    cell.ms += ms;
    cells.set(`${waiter}\0${named}`, cell);
  }
  return {
    from: isoTime(span.from),
    to: isoTime(span.to),
    by,
    requests,
    waited_ms: milliseconds(matrix.waitedMs),
    is_whole: isWhole,
    cells: [...cells.values()].map((cell) => ({ ...cell, ms: milliseconds(cell.ms) })),
  };
}
