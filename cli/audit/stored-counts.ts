import { ServiceError } from '../../src/errors.ts';
import type { StoreName } from '../../src/stores/stores.ts';
import { CannotAsk, type FoundTrace, type StoreQuestions } from './ask-stores.ts';
import type { Bounds } from './counted.ts';
import type { Sender } from './senders.ts';
import type { StoredCounts } from './telemetry-book.ts';

/** A line has the time at which it was logged, and is counted at once. */
const lineSlackMs = 250;
/** Spans are made when their request has ended, and a batch’s half a second later. */
const spanSlackMs = 1_000;
const recountsAtOnce = 8;

export function storedLines(questions: StoreQuestions, store: StoreName): StoredCounts {
  const count = async (sender: Sender, fromMs: number, toMs: number) => {
    if (toMs <= fromMs) return 0;
    const counts = await questions.lineCounts(store, linesOf(sender), 'service_instance_id', fromMs, toMs);
    return [...counts.values()].reduce((sum, each) => sum + each, 0);
  };
  return {
    signal: 'logs',
    store,
    of: async (sender, fromMs, toMs) => {
      const [min, max] = await Promise.all([
        count(sender, fromMs + lineSlackMs, toMs - lineSlackMs),
        count(sender, fromMs - lineSlackMs, toMs + lineSlackMs),
      ]);
      return { min, max };
    },
    hasAny: async (fromMs, toMs) =>
      (await questions.lineCounts(store, '{service_name=~".+"}', 'service_name', fromMs, toMs)).size > 0,
  };
}

function linesOf({ job, instance }: Sender): string {
  return `{service_name="${serviceOf(job)}"} | service_instance_id="${instance}"`;
}

/** Prometheus puts the namespace before the service. */
function serviceOf(job: string): string {
  return job.slice(job.lastIndexOf('/') + 1);
}

export function storedSpans(questions: StoreQuestions, store: StoreName): StoredCounts {
  const found = new Map<string, Promise<FoundTrace[]>>();
  const recounted = new Map<string, number>();
  const tracesOf = ({ job, instance }: Sender, fromMs: number, toMs: number) => {
    // The first question is about the whole time, the others about its parts.
    const known =
      found.get(instance) ??
      questions.traces(store, { service: serviceOf(job), instance }, fromMs - 60_000, toMs + 60_000);
    found.set(instance, known);
    return known;
  };
  const of = async (sender: Sender, fromMs: number, toMs: number) =>
    spansWithin(await tracesOf(sender, fromMs, toMs), recounted, fromMs, toMs);
  return {
    signal: 'traces',
    store,
    of,
    recounted: async (sender, fromMs, toMs) => {
      const near = (await tracesOf(sender, fromMs, toMs)).filter(
        (one) => mayBeWithin(one, fromMs, toMs) && !recounted.has(one.id),
      );
      while (near.length > 0) {
        const some = near.splice(0, recountsAtOnce);
        const counts = await Promise.all(some.map(({ id }) => spansOf(questions, store, id, sender.instance)));
        for (const [place, { id, spans }] of some.entries()) recounted.set(id, Math.max(spans, counts[place]!));
      }
      return of(sender, fromMs, toMs);
    },
    hasAny: (fromMs, toMs) => questions.hasTraces(store, fromMs, toMs),
  };
}

/** A trace that a search found and that is not there any more has been deleted meanwhile. */
async function spansOf(questions: StoreQuestions, store: StoreName, id: string, instance: string): Promise<number> {
  try {
    return await questions.spansOf(store, id, instance);
  } catch (error) {
    const isGone =
      error instanceof CannotAsk && error.cause instanceof ServiceError && error.cause.code === 'not_found';
    if (isGone) return 0;
    throw error;
  }
}

function mayBeWithin({ fromMs: begin, toMs: end }: FoundTrace, fromMs: number, toMs: number): boolean {
  return end + spanSlackMs > fromMs && begin <= toMs;
}

function spansWithin(
  traces: readonly FoundTrace[],
  recounted: ReadonlyMap<string, number>,
  fromMs: number,
  toMs: number,
): Bounds {
  let [min, max] = [0, 0];
  for (const trace of traces) {
    if (!mayBeWithin(trace, fromMs, toMs)) continue;
    const spans = recounted.get(trace.id) ?? trace.spans;
    max += spans;
    if (trace.fromMs > fromMs && trace.toMs + spanSlackMs <= toMs) min += spans;
  }
  return { min, max };
}
