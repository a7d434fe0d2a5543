import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  decode,
  encode,
  type JsonObject,
  nowNanoseconds,
  type Placed,
  type PlainMap,
  post,
  type Signal,
} from './otlp-json.ts';

/** A record of any signal that carries a number, and differs from all others by it. */
export function numbered(signal: Signal, number: number, traceId = randomBytes(16).toString('hex')): Placed {
  const time = nowNanoseconds();
  const attributes = { number };
  const records: Record<Signal, PlainMap> = {
    traces: {
      traceId,
      spanId: randomBytes(8).toString('hex'),
      name: `number ${number}`,
      startTimeUnixNano: time,
      endTimeUnixNano: time,
      attributes,
    },
    metrics: { name: 'numbered', gauge: { dataPoints: [{ timeUnixNano: time, asInt: '1', attributes }] } },
    logs: { timeUnixNano: time, body: `number ${number}`, attributes },
  };
  return {
    place: { resource: { 'service.name': 'numbered' }, scope: { name: 'vitrine', attributes: {} } },
    record: records[signal],
  };
}

/** The numbers in what a file exporter wrote; those that came twice are in it twice. */
export function numbersIn(signal: Signal, batches: readonly JsonObject[]): number[] {
  return decode(signal, batches).flatMap(({ record }) => {
    const points = signal === 'metrics' ? ((record.gauge as PlainMap | undefined)?.dataPoints as PlainMap[]) : [record];
    return (points ?? []).flatMap((one) => {
      const number = (one.attributes as PlainMap | undefined)?.number;
      return typeof number === 'number' ? [number] : [];
    });
  });
}

/**
 * Sends until it is taken: what a sender that loses nothing does. Answers how often it was not
 * taken.
 */
export async function sendUntilTaken(
  url: string,
  signal: Signal,
  records: readonly Placed[],
  until: AbortSignal,
): Promise<number> {
  const body = encode(signal, records);
  for (let refusals = 0; ; refusals++) {
    try {
      await post(url, signal, body);
      return refusals;
    } catch (error) {
      if (until.aborted) throw error;
      await pause(50);
    }
  }
}

/**
 * Ten records of each signal at a time, each until it is taken. Traces are known by their ids, the
 * others by their numbers; `retried` has those that were sent more than once.
 */
export function startNumberedLoad<S extends Signal>(url: string, signals: readonly S[]) {
  const sent = Object.fromEntries(signals.map((signal) => [signal, new Set<string>()])) as Record<S, Set<string>>;
  const retried = new Set<string>();
  const ended = new AbortController();
  const until = AbortSignal.timeout(600_000);
  const running = (async () => {
    for (let number = 0; !ended.signal.aborted; number += 10) {
      for (const signal of signals) {
        const records = Array.from({ length: 10 }, (_, at) => numbered(signal, number + at));
        const refusals = await sendUntilTaken(url, signal, records, until);
        for (const [at, { record }] of records.entries()) {
          const name = signal === 'traces' ? String(record.traceId) : String(number + at);
          sent[signal].add(name);
          if (refusals > 0) retried.add(name);
        }
      }
      await pause(20); // The pace of the load; nothing waits for it.
    }
  })();
  running.catch(() => undefined); // It is awaited in stop().
  return {
    sent,
    retried,
    stop: () => {
      ended.abort();
      return running;
    },
  };
}
