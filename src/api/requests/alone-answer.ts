import { z } from 'zod';
import type { InputsLike } from '../../engine/inputs-like.ts';
import { shapesOf } from '../../engine/tensor.ts';
import type { FlightRecord } from '../../observe/flight/flight-record.ts';
import { medianOf } from '../../observe/what-if/percentile.ts';
import { milliseconds } from './flight-answer.ts';

export const aloneAnswered = z
  .object({
    request_id: z.string(),
    trace_id: z.string(),
    model: z.string(),
    version: z.string(),
    sentence: z.string(),
    inputs: z
      .array(z.object({ name: z.string(), datatype: z.string(), shape: z.array(z.int()) }))
      .describe('What was run: the shapes of the request, with made-up values.'),
    is_exact: z
      .boolean()
      .describe('False: several dimensions are free, so the shapes are only as large as the request’s.'),
    runs: z.array(z.object({ session_ms: z.number(), cpu_ms: z.number() })),
    alone_ms: z.number().describe('The median of the runs, in ONNX Runtime.'),
    recorded: z
      .object({
        took_ms: z.number(),
        session_ms: z.number().nullable(),
        queue_ms: z.number(),
        batch_rows: z.int().nullable(),
      })
      .describe('What the request took. session_ms is its batch’s run.'),
    times_as_long: z.number().nullable().describe('Its run against the one alone.'),
  })
  .meta({
    example: {
      request_id: 'order-17',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      model: 'dnsmos',
      version: '1',
      sentence:
        'Alone and now its run takes 420 ms; then it took 960 ms, 2.3 times as long. It also waited 410 ms for a lane.',
      inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 144_160] }],
      is_exact: true,
      runs: [{ session_ms: 420.1, cpu_ms: 415.2 }],
      alone_ms: 420.1,
      recorded: { took_ms: 1_400.5, session_ms: 960.4, queue_ms: 410.2, batch_rows: 1 },
      times_as_long: 2.286,
    },
  });

type Run = { readonly sessionMs: number; readonly cpuMs: number };

export function aloneAnswer(
  record: FlightRecord & { model: string; version: string },
  { inputs, isExact }: InputsLike,
  runs: readonly Run[],
): z.output<typeof aloneAnswered> {
  const { batch, stages, tookMs } = record;
  const aloneMs = medianOf(runs.map(({ sessionMs }) => sessionMs));
  const thenMs = batch?.outcome === 'ran' ? batch.sessionMs : undefined;
  const times = thenMs === undefined ? undefined : thenMs / Math.max(0.001, aloneMs);
  return {
    request_id: record.requestId,
    trace_id: record.ids.traceId,
    model: record.model,
    version: record.version,
    sentence: sentenceOn({ aloneMs, thenMs, times, queueMs: stages.queue, requests: batch?.inputs ?? 1 }),
    inputs: shapesOf(inputs).map(({ name, datatype, shape }) => ({ name, datatype, shape: [...shape] })),
    is_exact: isExact,
    runs: runs.map(({ sessionMs, cpuMs }) => ({ session_ms: milliseconds(sessionMs), cpu_ms: milliseconds(cpuMs) })),
    alone_ms: milliseconds(aloneMs),
    recorded: {
      took_ms: milliseconds(tookMs),
      session_ms: thenMs === undefined ? null : milliseconds(thenMs),
      queue_ms: milliseconds(stages.queue),
      batch_rows: batch?.rows ?? null,
    },
    times_as_long: times === undefined ? null : milliseconds(times),
  };
}

/** From here on the difference is worth a word. */
const slowerMin = 1.2;
const waitedMsMin = 1;

function sentenceOn(of: {
  aloneMs: number;
  thenMs: number | undefined;
  times: number | undefined;
  queueMs: number;
  requests: number;
}): string {
  const { aloneMs, thenMs, times = 1, queueMs, requests } = of;
  const alone = `Alone and now its run takes ${shown(aloneMs)}`;
  if (thenMs === undefined) return `${alone}; then it did not run.`;
  const shared = requests > 1 ? `, in a batch of ${requests} requests` : '';
  const much = times >= slowerMin ? `, ${times.toFixed(1)} times as long` : ': about the same';
  const waited = queueMs >= waitedMsMin ? ` It also waited ${shown(queueMs)} for a lane.` : '';
  return `${alone}; then it took ${shown(thenMs)}${shared}${much}.${waited}`;
}

function shown(ms: number): string {
  return `${ms >= 100 ? ms.toFixed(0) : ms.toPrecision(2)} ms`;
}
