import type { Span } from '../../spans-of-time.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';
import type { Arrived } from './arrived.ts';
import type { LaneMessages } from './lane-messages.ts';
import { medianOf } from './percentile.ts';
import { outcomeCode, runForm } from './recorded-load.ts';

/** A wait ends when its batch begins, but for what the clocks of threads differ by. */
const sameMomentMs = 1;

/**
 * The calls of tasks and jobs, which no flight record has by itself: each batch says for whom it
 * ran. A task calls again when it has its answer, so its calls are a chain.
 */
export function taskCalls(
  batches: readonly StoredBatch[],
  messages: LaneMessages,
  tasks: readonly FlightRecord[],
  span: Span,
): Arrived[] {
  const waits = tasks.flatMap(waitsOf).sort((one, other) => one.to - other.to);
  const byTask = new Map<string, { batch: StoredBatch; rows: number; tenant: string }[]>();
  for (const batch of batches.toReversed())
    for (const { by, tenant = '', rows } of batch.shares) {
      if (!by) continue;
      const calls = byTask.get(by.id);
      if (calls) calls.push({ batch, rows, tenant });
      else byTask.set(by.id, [{ batch, rows, tenant }]);
    }
  return [...byTask.values()].flatMap((calls) => chainOf(calls, messages, waits, span));
}

function chainOf(
  calls: readonly { batch: StoredBatch; rows: number; tenant: string }[],
  messages: LaneMessages,
  waits: readonly Span[],
  span: Span,
): Arrived[] {
  const inOrder = calls.toSorted((one, other) => one.batch.startedAt - other.batch.startedAt);
  const gaps = inOrder.slice(1).map(({ batch }, place) => batch.startedAt - inOrder[place]!.batch.endedAt);
  const thinkUsualMs = Math.max(0, medianOf(gaps));
  const chain: Arrived[] = [];
  let before: { call: Arrived; endedAt: number } | undefined;
  for (const { batch, rows, tenant } of inOrder) {
    const wait = waitEndingAt(waits, batch.startedAt);
    const earliest = before ? Math.max(before.endedAt, span.from) : span.from;
    // Without a record of its wait: a gap longer than usual was one.
    const gapMs = before ? batch.startedAt - before.endedAt : 0;
    const unknownMs = before && gapMs > 2 * thinkUsualMs ? gapMs - thinkUsualMs : 0;
    const at = Math.max(earliest, wait?.from ?? batch.startedAt - unknownMs);
    if (at >= span.to) break;
    const call = callOf(batch, messages.heldMs(batch), {
      rows,
      tenant,
      at,
      previous: before?.call,
      thinkMs: before ? at - before.endedAt : 0,
    });
    chain.push(call);
    before = { call, endedAt: batch.endedAt };
  }
  return chain;
}

function callOf(
  batch: StoredBatch,
  laneMs: number,
  of: Pick<Arrived, 'rows' | 'tenant' | 'at' | 'previous' | 'thinkMs'>,
): Arrived {
  return {
    ...of,
    thinkMs: Math.max(0, of.thinkMs),
    beforeMs: 0,
    afterMs: 0,
    tookMs: batch.endedAt - of.at,
    queueMs: batch.startedAt - of.at,
    bytes: 0,
    laneMs,
    sessionMs: batch.sessionMs,
    batchRows: batch.rows,
    deadlineMs: Number.POSITIVE_INFINITY,
    leftMs: Number.POSITIVE_INFINITY,
    outcome: batch.outcome === 'ran' ? outcomeCode.answered : outcomeCode.failed,
    form: batch.tookShortcut ? runForm.onEventLoop : 0,
  };
}

function waitsOf({ waits }: FlightRecord): Span[] {
  const { times = new Float64Array() } = waits ?? {};
  return Array.from({ length: times.length / 2 }, (_, place) => ({
    from: times[2 * place]!,
    to: times[2 * place + 1]!,
  }));
}

/** By bisection: they are in the order of their ends. */
function waitEndingAt(waits: readonly Span[], at: number): Span | undefined {
  let low = 0;
  let high = waits.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (waits[middle]!.to < at - sameMomentMs) low = middle + 1;
    else high = middle;
  }
  const found = waits[low];
  return found && found.to <= at + sameMomentMs ? found : undefined;
}
