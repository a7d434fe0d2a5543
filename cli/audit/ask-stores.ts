import { askBackend } from '../../src/api/backends-proxy/ask-backend.ts';
import { lokiTenants } from '../../src/api/backends-proxy/guard-log-streams.ts';
import type { Config } from '../../src/config.ts';
import { ServiceError } from '../../src/errors.ts';
import { type StoreName, store } from '../../src/stores/stores.ts';
import type { AuditedStores } from './audited-stores.ts';
import type { Points } from './counted.ts';
import type { Series } from './senders.ts';

/** A store does not answer, or not this: nothing can be said of its books. */
export class CannotAsk extends Error {}

export type LogLine = { readonly atNs: string; readonly labels: Readonly<Record<string, string>> };

/** A trace as a search finds it: its spans of one sender, and when it began and ended. */
export type FoundTrace = {
  readonly id: string;
  readonly fromMs: number;
  readonly toMs: number;
  readonly spans: number;
};

export type SpanSender = { readonly service: string; readonly instance: string };

const askMsMax = 60_000;
/** Raw points of a long time come in pieces. */
const pieceMs = 6 * 3_600_000;
const linesMax = 5_000;
const tracesMax = 2_000;
const spansMax = 100;

/** Questions of an audit, in the language of each signal, to whichever store it is. */
export class StoreQuestions {
  readonly #config: Config;

  constructor({ config }: Pick<AuditedStores, 'config'>) {
    this.#config = config;
  }

  /** The points as they are stored: functions of the store would estimate between them. */
  async points(name: StoreName, selector: string, fromMs: number, toMs: number): Promise<Series[]> {
    const found = new Map<string, { labels: Record<string, string>; points: [number, number][] }>();
    for (let startMs = fromMs; startMs < toMs; startMs += pieceMs) {
      const endMs = Math.min(toMs, startMs + pieceMs);
      const { data } = (await this.#ask(name, 'prometheus', '/api/v1/query', {
        query: `${selector}[${Math.ceil(endMs - startMs)}ms]`,
        time: String(endMs / 1000),
      })) as { data: { result: { metric: Record<string, string>; values: [number, string][] }[] } };
      for (const { metric, values } of data.result) {
        const key = JSON.stringify(Object.entries(metric).sort());
        const series = found.get(key) ?? { labels: metric, points: [] };
        found.set(key, series);
        for (const [seconds, value] of values) addPoint(series.points, Math.round(seconds * 1000), Number(value));
      }
    }
    return [...found.values()] satisfies { points: Points }[];
  }

  /** How many lines of this selection there are after a moment and up to another, by a label. */
  async lineCounts(name: StoreName, lines: string, by: string, fromMs: number, toMs: number) {
    const { data } = (await this.#ask(name, 'loki', '/loki/api/v1/query', {
      query: `sum by (${by}) (count_over_time(${lines} [${Math.max(1, Math.round(toMs - fromMs))}ms]))`,
      time: nanoseconds(toMs),
    })) as { data: { result: { metric: Record<string, string>; value: [number, string] }[] } };
    return new Map(data.result.map(({ metric, value }) => [metric[by] ?? '', Number(value[1])]));
  }

  /** All lines of this selection, oldest first. */
  async lines(name: StoreName, selection: string, fromMs: number, toMs: number): Promise<LogLine[]> {
    const all = new Map<string, LogLine>();
    let start = BigInt(nanoseconds(fromMs));
    for (;;) {
      const { data } = (await this.#ask(name, 'loki', '/loki/api/v1/query_range', {
        query: selection,
        start: String(start),
        end: nanoseconds(toMs),
        limit: String(linesMax),
        direction: 'forward',
      })) as { data: { result: { stream: Record<string, string>; values: [string, string][] }[] } };
      const page = data.result.flatMap(({ stream, values }) => values.map(([atNs]) => ({ atNs, labels: stream })));
      for (const line of page) all.set(`${line.atNs} ${JSON.stringify(line.labels)}`, line);
      const newest = page.reduce((latest, { atNs }) => (BigInt(atNs) > latest ? BigInt(atNs) : latest), start);
      if (page.length < linesMax) return [...all.values()].sort((a, b) => (BigInt(a.atNs) < BigInt(b.atNs) ? -1 : 1));
      start = newest === start ? newest + 1n : newest;
    }
  }

  /** The traces with spans of this sender, in pieces that a search answers whole. */
  async traces(name: StoreName, sender: SpanSender, fromMs: number, toMs: number): Promise<FoundTrace[]> {
    const startS = Math.floor(fromMs / 1000);
    const endS = Math.ceil(toMs / 1000);
    const { traces = [], warnings = [] } = (await this.#ask(name, 'tempo', '/api/search', {
      q: `{ resource.service.name = "${sender.service}" && resource.service.instance.id = "${sender.instance}" }`,
      start: String(startS),
      end: String(endS),
      limit: String(tracesMax),
      spss: String(spansMax),
    })) as { traces?: SearchedTrace[]; warnings?: string[] };
    // A warning says that not all were looked through.
    if ((traces.length >= tracesMax || warnings.length > 0) && endS - startS > 1) {
      const middleMs = Math.floor((startS + endS) / 2) * 1000;
      const halves = [
        ...(await this.traces(name, sender, fromMs, middleMs)),
        ...(await this.traces(name, sender, middleMs, toMs)),
      ];
      return [...new Map(halves.map((one) => [one.id, one])).values()];
    }
    return traces.map(foundTrace);
  }

  async hasTraces(name: StoreName, fromMs: number, toMs: number): Promise<boolean> {
    const { traces = [] } = (await this.#ask(name, 'tempo', '/api/search', {
      q: '{ }',
      start: String(Math.floor(fromMs / 1000)),
      end: String(Math.ceil(toMs / 1000)),
      limit: '1',
    })) as { traces?: unknown[] };
    return traces.length > 0;
  }

  /** Counts the spans of a sender in a whole trace; a search may know a part alone. */
  async spansOf(name: StoreName, traceId: string, instance: string): Promise<number> {
    const { trace = {} } = (await this.#ask(name, 'tempo', `/api/v2/traces/${traceId}`, {})) as { trace?: WholeTrace };
    return (trace.resourceSpans ?? trace.batches ?? [])
      .filter(({ resource }) =>
        resource.attributes.some(({ key, value }) => key === 'service.instance.id' && value.stringValue === instance),
      )
      .reduce((sum, { scopeSpans }) => sum + scopeSpans.reduce((all, { spans }) => all + spans.length, 0), 0);
  }

  async #ask(
    name: StoreName,
    backend: 'prometheus' | 'tempo' | 'loki',
    path: string,
    parameters: Record<string, string>,
  ): Promise<unknown> {
    try {
      const answer = await askBackend(
        { backend, path, parameters: new URLSearchParams(parameters) },
        {
          config: { ...this.#config, backends: store(name).fedBy[0]! },
          tenants: lokiTenants(true),
          signal: AbortSignal.timeout(askMsMax),
        },
      );
      return JSON.parse(answer.toString('utf8'));
    } catch (error) {
      if (error instanceof ServiceError) throw new CannotAsk(error.message, { cause: error });
      throw error;
    }
  }
}

type SearchedTrace = {
  traceID: string;
  startTimeUnixNano: string;
  durationMs?: number;
  spanSets?: { matched: number; spans: { startTimeUnixNano: string; durationNanos: string }[] }[];
};
type WholeTrace = Partial<
  Record<
    'resourceSpans' | 'batches',
    {
      resource: { attributes: { key: string; value: { stringValue?: string } }[] };
      scopeSpans: { spans: unknown[] }[];
    }[]
  >
>;

/** From its own spans where the search has them all: a long trace has spans of many minutes. */
function foundTrace({ traceID, startTimeUnixNano, durationMs = 0, spanSets = [] }: SearchedTrace): FoundTrace {
  const id = traceID.padStart(32, '0');
  const count = spanSets.reduce((sum, { matched }) => sum + matched, 0);
  const startMs = millisecondsOf(startTimeUnixNano);
  const spans = spanSets.flatMap((set) => set.spans);
  if (spans.length < count || spans.length === 0)
    return { id, fromMs: startMs, toMs: startMs + durationMs + 1, spans: count };
  const ends = spans.map((span) => millisecondsOf(span.startTimeUnixNano) + Number(span.durationNanos) / 1e6);
  return { id, fromMs: Math.min(...ends), toMs: Math.max(...ends), spans: count };
}

function addPoint(points: [number, number][], atMs: number, value: number): void {
  // The end of one piece is the start of the next.
  if (points.at(-1)?.[0] !== atMs) points.push([atMs, value]);
}

function millisecondsOf(nanosecondsText: string): number {
  return Number(BigInt(nanosecondsText) / 1_000n) / 1000;
}

function nanoseconds(ms: number): string {
  return String(BigInt(Math.round(ms)) * 1_000_000n);
}
