import type { LatencyTally } from '../../observe/flight/latency-window.ts';
import type { OthersSay } from '../processes/other-processes.ts';
import type { flightAnswer, flightLine } from './flight-answer.ts';
import type { flightOrder } from './flight-queries.ts';

// What several processes remember, as one answer.

type Line = ReturnType<typeof flightLine>;
type Flight = ReturnType<typeof flightAnswer>;

/** Processes that could not be asked; absent where all were. */
export function missingOf({ missing }: OthersSay): { processes_missing?: readonly number[] } {
  return missing.length > 0 ? { processes_missing: missing } : {};
}

/** One list of all, in the order that was asked for. */
export function wholeList(own: readonly Line[], say: OthersSay, of: ReturnType<typeof flightOrder>): Line[] {
  const all = [...own, ...(say.answers as { requests: Line[] }[]).flatMap(({ requests }) => requests)];
  const before = of.order === 'slowest' ? bySlowest : byNewest;
  return all.sort(before).slice(0, of.most);
}

/** The newest of this id, and the others beside it; undefined where nobody remembers one. */
export function wholeFlight(own: Flight | undefined, say: OthersSay): Flight | undefined {
  const found = [...(own ? [own] : []), ...(say.answers as Flight[])].sort(byNewest);
  const [newest, ...others] = found;
  if (!newest || others.length === 0) return newest;
  const sameId = [...newest.same_id, ...others.flatMap((other) => [lineOf(other), ...other.same_id])];
  return { ...newest, same_id: sameId.sort(byNewest) };
}

/** The sums of all, and since when. */
export function wholeTallies(own: { from: string; tallies: readonly LatencyTally[] }, say: OthersSay) {
  const all = [own, ...(say.answers as (typeof own)[])];
  return {
    from: all.map(({ from }) => from).sort()[0]!,
    tallies: all.flatMap(({ tallies }) => tallies),
  };
}

function byNewest(one: Line, other: Line): number {
  return endOf(other) - endOf(one);
}

function bySlowest(one: Line, other: Line): number {
  return other.duration_ms - one.duration_ms;
}

function endOf({ started_at, duration_ms }: Line): number {
  return Date.parse(started_at) + duration_ms;
}

function lineOf(flight: Flight): Line {
  const { request_id, trace_id, kept, started_at, duration_ms, queue_ms, run_ms, method, route, status } = flight;
  const { failure, failed, fault, tenant, model, task, version } = flight;
  return {
    request_id,
    trace_id,
    kept,
    started_at,
    duration_ms,
    queue_ms,
    run_ms,
    method,
    route,
    status,
    failure,
    failed,
    fault,
    tenant,
    model,
    task,
    version,
  };
}
