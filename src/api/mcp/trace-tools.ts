import { z } from 'zod';
import type { FlightLine } from '../requests/flight-answer.ts';
import { spansOf } from './spans-of-trace.ts';
import { type Ask, type Tool, tool } from './tool.ts';

const spansMax = 200;
const linesMax = 200;
const hourMs = 3_600_000;

const id = z.string().min(1).max(256).describe('A request id (X-Request-Id) or trace id.');

/** What the stores of traces and logs have of a request. */
export const traceTools: readonly Tool[] = [
  tool({
    name: 'trace',
    title: 'The trace of a request',
    description:
      'What the service remembers of a request: stages, queue as found, batch, what ran beside it. And the spans of its trace, where the store has them.',
    input: z.object({ id }),
    answer: async ({ id: of }, ask) => {
      const request = await remembered(of, ask);
      const traceId = request?.trace_id ?? traceIdIn(of);
      const spans = await ask(`/backends/tempo/api/v2/traces/${traceId}`).then(
        (answer) => spansOf(answer, spansMax),
        sentenceOf,
      );
      return { request, trace_id: traceId, spans: isEmpty(spans) ? notStored(request) : spans };
    },
  }),
  tool({
    name: 'logs',
    title: 'The log lines of a request',
    description: 'The log lines that carry the trace id of a request, from an hour before it to an hour after.',
    input: z.object({ id, count: z.int().min(1).max(linesMax).default(50) }),
    answer: async ({ id: of, count }, ask) => {
      const request = await remembered(of, ask);
      const traceId = request?.trace_id ?? traceIdIn(of);
      const from = request ? Date.parse(request.started_at) : Date.now();
      const to = from + (request?.duration_ms ?? 0);
      const query = new URLSearchParams({
        query: `{service_name=~".+"} | trace_id="${traceId}"`,
        start: `${Math.floor(from - hourMs)}000000`,
        end: `${Math.ceil(to + hourMs)}000000`,
        limit: String(count),
        direction: 'backward',
      });
      const answer = (await ask(`/backends/loki/loki/api/v1/query_range?${query}`)) as LokiAnswer;
      return { trace_id: traceId, lines: linesOf(answer) };
    },
  }),
];

type LokiAnswer = { data: { result: { stream: Record<string, string>; values: [string, string][] }[] } };

/** Oldest first. */
function linesOf({ data }: LokiAnswer) {
  return data.result
    .flatMap(({ stream, values }) => values.map(([nanoseconds, text]) => ({ nanoseconds, text, stream })))
    .sort((one, other) => (BigInt(one.nanoseconds) < BigInt(other.nanoseconds) ? -1 : 1))
    .map(({ nanoseconds, text, stream }) => ({
      at: new Date(Number(BigInt(nanoseconds) / 1_000_000n)).toISOString(),
      level: stream.severity_text ?? stream.detected_level ?? null,
      says: text,
      fields: Object.fromEntries(Object.entries(stream).filter(([name]) => !unsaid.test(name))),
    }));
}

/** Fields that say nothing of the line, or what stands beside it already. */
const unsaid =
  /^(trace_id|span_id|flags|severity_|detected_level|scope_|observed_timestamp|service_instance_id|telemetry_|host_|process_)/;

async function remembered(of: string, ask: Ask): Promise<FlightLine | undefined> {
  try {
    return (await ask(`/v1/requests/${encodeURIComponent(of)}`)) as FlightLine;
  } catch (error) {
    // The stores remember for longer than the service.
    if (/^[0-9a-f]{32}$/i.test(of)) return undefined;
    throw error;
  }
}

function traceIdIn(of: string): string {
  return of.toLowerCase();
}

function isEmpty(spans: unknown): boolean {
  return typeof spans === 'object' && (spans as { spans: unknown[] }).spans.length === 0;
}

function notStored(request: FlightLine | undefined): string {
  return request?.kept === null
    ? 'The trace was not kept: only slow and failed requests, and a few of the others, are.'
    : 'The store has no spans of this trace (yet).';
}

function sentenceOf(error: unknown): string {
  return (error as Error).message;
}
