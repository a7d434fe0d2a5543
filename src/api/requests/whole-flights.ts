import type { LatencyTally } from '../../observe/flight/latency-window.ts';
import type { OthersSay } from '../processes/others.ts';
import type { blameMatrixAnswer } from './blame-matrix-answer.ts';
import { type flightAnswer, type flightLine, milliseconds } from './flight-answer.ts';
import type { flightOrder } from './flight-queries.ts';

// What several processes and replicas remember, as one answer.

type Matrix = ReturnType<typeof blameMatrixAnswer>;
type Line = ReturnType<typeof flightLine>;
type Flight = ReturnType<typeof flightAnswer>;

/** Processes and replicas that could not be asked; absent where all were. */
export function missingOf({ missing: { processes, replicas } }: OthersSay) {
  return {
    ...(processes.length > 0 && { processes_missing: processes }),
    ...(replicas.length > 0 && { replicas_missing: replicas }),
  };
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

/** The sums of all, cell by cell. */
export function wholeBlame(own: Matrix, say: OthersSay): Matrix {
  const all = [own, ...(say.answers as Matrix[])];
  const sum = (of: (matrix: Matrix) => number) => all.reduce((total, matrix) => total + of(matrix), 0);
  const cells = new Map<string, Matrix['cells'][number]>();
  for (const { cells: some } of all)
    for (const cell of some) {
      const key = `${cell.waiter}\0${cell.holder}`;
      cells.set(key, { ...cell, ms: milliseconds(cell.ms + (cells.get(key)?.ms ?? 0)) });
    }
  return {
    ...own,
    requests: sum(({ requests }) => requests),
    waited_ms: milliseconds(sum(({ waited_ms }) => waited_ms)),
    is_whole: all.every(({ is_whole }) => is_whole),
    cells: [...cells.values()],
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
