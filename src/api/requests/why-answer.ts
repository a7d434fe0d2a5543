import { z } from 'zod';
import { type FailureCode, failures, faults } from '../../errors.ts';
import type { Blame, Holder } from '../../observe/blame/blame-request.ts';
import { sayDifference } from '../../observe/compare/say-difference.ts';
import type { Difference } from '../../observe/compare/tell-apart.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import type { Eyes, Why } from '../../observe/why/why.ts';
import { type Cause, causes } from '../../telemetry/names/causes.ts';
import { milliseconds } from './flight-answer.ts';

// The answers of /v1/requests/:id/why and /blame: how they are made, and as /openapi.json has them.

export const difference = z.object({
  says: z.string(),
  field: z.string(),
  is: z.enum(['is', 'at_least', 'below']),
  value: z.union([z.string(), z.number()]),
  first: z.object({ have: z.int(), of: z.int() }),
  second: z.object({ have: z.int(), of: z.int() }),
  parts: z.number().describe('From 0 to 1: by how much the shares of the two sets differ.'),
});

export const whyAnswered = z
  .object({
    request_id: z.string(),
    trace_id: z.string(),
    sentence: z.string().describe('The answer in words.'),
    took_ms: z.number(),
    alone_ms: z
      .number()
      .nullable()
      .describe('What it would take alone on an idle machine; null: fewer than five comparable runs are remembered.'),
    alone_runs: z.int().describe('The comparable runs that alone_ms goes by.'),
    known: z.boolean().describe('Whether the cause is known.'),
    parts: z.array(
      z.object({
        cause: z.enum(Object.keys(causes) as [Cause, ...Cause[]]),
        label: z.string(),
        ms: z.number(),
        says: z.string(),
        evidence: z.array(z.object({ says: z.string(), link: z.string().nullable() })),
      }),
    ),
    failure: z
      .object({
        code: z.enum(Object.keys(failures) as [FailureCode, ...FailureCode[]]).nullable(),
        means: z.string().nullable(),
        says: z.string().nullable(),
        fault: z.enum(faults).nullable(),
        inputs: z.array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.number()) })).nullable(),
        failed_alike: z.int(),
        good: z.int(),
        differences: z.array(difference),
      })
      .nullable(),
  })
  .meta({
    example: {
      request_id: 'order-17',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      sentence:
        'It took 644 ms; alone it takes about 190 ms. The difference: 410 ms waiting for the only lane of harmonic-percussive, behind request big-sep (separate, 3 batches).',
      took_ms: 644.1,
      alone_ms: 190.2,
      alone_runs: 24,
      known: true,
      parts: [
        {
          cause: 'lane_wait',
          label: 'Waiting for a lane',
          ms: 410.3,
          says: '410 ms waiting for the only lane of harmonic-percussive, behind request big-sep (separate, 3 batches)',
          evidence: [{ says: '410 ms: request big-sep, tenant studio, 3 batches', link: '/v1/requests/big-sep' }],
        },
      ],
      failure: null,
    },
  });

export const blameAnswered = z
  .object({
    request_id: z.string(),
    trace_id: z.string(),
    waited_ms: z.number(),
    unheld_ms: z.number().describe('No batch held a lane then; /why says what did.'),
    is_whole: z.boolean().describe('False: some batches of that time are forgotten (VITRINE_FLIGHT_BATCHES_MAX).'),
    holders: z.array(
      z.object({
        kind: z.enum(['request', 'task', 'job', 'others']),
        id: z.string().nullable(),
        task: z.string().nullable(),
        tenant: z.string().nullable().describe('null: another tenant, which your key does not see.'),
        model: z.string(),
        batches: z.int(),
        ms: z.number(),
      }),
    ),
  })
  .meta({
    example: {
      request_id: 'order-17',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      waited_ms: 410.3,
      unheld_ms: 0.4,
      is_whole: true,
      holders: [
        {
          kind: 'task',
          id: 'big-sep',
          task: 'separate',
          tenant: 'studio',
          model: 'harmonic-percussive',
          batches: 3,
          ms: 409.9,
        },
      ],
    },
  });

export function whyAnswer(record: FlightRecord, why: Why): z.output<typeof whyAnswered> {
  const { sentence, tookMs, aloneMs, aloneRuns, known, parts, failure } = why;
  return {
    request_id: record.requestId,
    trace_id: record.ids.traceId,
    sentence,
    took_ms: milliseconds(tookMs),
    alone_ms: aloneMs === undefined ? null : milliseconds(aloneMs),
    alone_runs: aloneRuns,
    known,
    parts: parts.map(({ cause, ms, says, evidence }) => ({
      cause,
      label: causes[cause].label,
      ms: milliseconds(ms),
      says,
      evidence: evidence.map((each) => ({ says: each.says, link: each.link ?? null })),
    })),
    failure: failure
      ? {
          code: failure.code ?? null,
          means: failure.means ?? null,
          says: failure.says ?? null,
          fault: failure.fault ?? null,
          inputs: failure.inputs?.map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })) ?? null,
          failed_alike: failure.failedAlike,
          good: failure.good,
          differences: failure.differences.map(differenceAnswer),
        }
      : null,
  };
}

export function differenceAnswer(of: Difference): z.output<typeof difference> {
  const { field, is, value, first, second, parts } = of;
  return { says: sayDifference(of), field, is, value, first, second, parts: Math.round(parts * 1000) / 1000 };
}

export function blameAnswer(record: FlightRecord, blame: Blame, eyes: Eyes): z.output<typeof blameAnswered> {
  return {
    request_id: record.requestId,
    trace_id: record.ids.traceId,
    waited_ms: milliseconds(blame.waitedMs),
    unheld_ms: milliseconds(blame.unheldMs),
    is_whole: blame.isWhole,
    holders: blame.holders.map((holder) => holderAnswer(holder, eyes)),
  };
}

function holderAnswer(holder: Holder, eyes: Eyes) {
  const { tenant, by, request, model, batches, ms } = holder;
  const isSeen = tenant !== undefined && eyes.sees({ tenant });
  const kind = by
    ? by.isJob
      ? ('job' as const)
      : ('task' as const)
    : request
      ? ('request' as const)
      : ('others' as const);
  return {
    kind: isSeen ? kind : ('others' as const),
    id: isSeen ? (by?.id ?? request?.requestId ?? null) : null,
    task: isSeen ? (by?.task ?? null) : null,
    tenant: isSeen ? tenant : null,
    model,
    batches,
    ms: milliseconds(ms),
  };
}
