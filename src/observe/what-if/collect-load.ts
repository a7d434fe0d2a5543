import type { Span } from '../../spans-of-time.ts';
import { Breather, stepsAtOnce } from '../../telemetry/breather.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { Arrived } from './arrived.ts';
import { LaneMessages } from './lane-messages.ts';
import { medianOf } from './percentile.ts';
import { emptyColumns, loadColumns, outcomeCode, type RecordedLoad, runForm } from './recorded-load.ts';
import { taskCalls } from './task-calls.ts';

/**
 * What a model was asked in a recorded time, by callers and by tasks. Others are served between.
 * The time begins where nothing that ended later is forgotten.
 */
export async function collectLoad(
  recorder: FlightRecorder,
  of: { model: string; version: string } & Span,
): Promise<RecordedLoad> {
  const breather = new Breather();
  const span = { from: Math.max(of.from, recorder.forgottenUntil), to: of.to };
  const { batches } = recorder.during(span);
  const own = batches.filter((batch) => isOf(batch, of) && batch.endedAt <= span.to);
  const messages = new LaneMessages(own);
  const arrived: Arrived[] = [];
  const waits: FlightRecord[] = [];
  for (const record of recorder.eachSince(span.from)) {
    await breather.breathe();
    if (!isOf(record, of)) continue;
    if (record.task !== undefined) waits.push(record);
    else {
      const one = arrivedIn(record, messages);
      if (one && one.at >= span.from && one.at < span.to) arrived.push(one);
    }
  }
  arrived.push(...taskCalls(own, messages, waits, span));
  arrived.sort((one, other) => one.at - other.at);
  return {
    ...span,
    count: arrived.length,
    ...(await asColumns(arrived, breather)),
    batches: batchesIn(messages),
    othersCpuMs: batches.reduce((sum, batch) => sum + (isOf(batch, of) ? 0 : batch.cpuMs), 0),
  };
}

function isOf(
  one: { model?: string | undefined; version?: string | undefined },
  of: { model: string; version: string },
) {
  return one.model === of.model && (one.version === undefined || one.version === of.version);
}

/** Undefined: it never came to the queue. */
function arrivedIn(record: FlightRecord, messages: LaneMessages): Arrived | undefined {
  const { arrival, batch, stages, startedAt, tookMs, size, tenant, failure, threads } = record;
  if (!arrival) return undefined;
  const at = batch ? batch.startedAt - stages.queue : startedAt + stages.receive + stages.decode;
  const untilEnd = startedAt + tookMs - at;
  const isLate = failure === 'deadline_exceeded' || failure === 'caller_deadline_exceeded';
  const hasLeft = failure === 'caller_gone';
  return {
    at,
    beforeMs: Math.max(0, at - startedAt),
    afterMs: batch ? Math.max(0, startedAt + tookMs - batch.endedAt) : 0,
    tookMs,
    queueMs: stages.queue,
    rows: size.rows,
    bytes: size.bytes,
    laneMs: batch ? messages.heldMs(batch) : Number.NaN,
    sessionMs: batch?.sessionMs ?? Number.NaN,
    batchRows: batch?.rows ?? 0,
    deadlineMs: isLate ? untilEnd : Number.POSITIVE_INFINITY,
    leftMs: hasLeft ? untilEnd : Number.POSITIVE_INFINITY,
    previous: undefined,
    thinkMs: 0,
    tenant,
    outcome: outcomeOf(record),
    form:
      (batch?.tookShortcut ? runForm.onEventLoop : 0) |
      (isAlone(batch) ? runForm.alone : 0) |
      (arrival.waiting === 0 && arrival.running < (threads?.lanes ?? 1) ? runForm.foundIdle : 0),
  };
}

function isAlone(batch: FlightRecord['batch']): boolean {
  return batch !== undefined && batch.rowsMax > 0 && batch.closedBy === 'alone';
}

function outcomeOf({ failure, batch }: FlightRecord): number {
  if (failure === 'queue_full') return outcomeCode.refused;
  if (failure === 'deadline_exceeded' || failure === 'caller_deadline_exceeded') return outcomeCode.expired;
  if (failure === 'caller_gone') return outcomeCode.left;
  return failure !== undefined || batch?.outcome !== 'ran' ? outcomeCode.failed : outcomeCode.answered;
}

async function asColumns(
  arrived: readonly Arrived[],
  breather: Breather,
): Promise<Pick<RecordedLoad, 'columns' | 'tenants'>> {
  const columns = emptyColumns(arrived.length);
  const tenants = new Map<string, number>();
  const places = new Map(arrived.map((one, place) => [one, place]));
  for (const [place, one] of arrived.entries()) {
    if (place % stepsAtOnce === 0) await breather.breathe();
    for (const name of loadColumns) if (name !== 'tenant' && name !== 'previous') columns[name][place] = one[name];
    if (!tenants.has(one.tenant)) tenants.set(one.tenant, tenants.size);
    columns.tenant[place] = tenants.get(one.tenant)!;
    columns.previous[place] = one.previous ? (places.get(one.previous) ?? -1) : -1;
  }
  return { columns, tenants: [...tenants.keys()] };
}

function batchesIn(messages: LaneMessages): RecordedLoad['batches'] {
  const all = [...messages];
  const runs = all.flat();
  const overheads = all.map((of) => of[0]!.endedAt - of[0]!.startedAt - sum(of, ({ sessionMs }) => sessionMs));
  return {
    count: all.length,
    requests: sum(runs, ({ inputs }) => inputs),
    rows: sum(runs, ({ rows }) => rows),
    busyMs: sum(all, ([first]) => first!.endedAt - first!.startedAt),
    cpuMs: sum(runs, ({ cpuMs }) => cpuMs),
    onEventLoop: all.filter(([first]) => first!.tookShortcut).length,
    overheadMs: Math.max(0, medianOf(overheads)),
  };
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
