import type { MachineRecord } from '../../telemetry/host/machine-record.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { KindRun, KindRuns } from '../flight/run-kinds.ts';
import { type Stages, stageNames } from '../stages.ts';

/** What requests of a kind take when nothing holds them up, in milliseconds. */
export type Alone = {
  readonly tookMs: number;
  readonly sessionMs: number;
  /** Of the session's thread. */
  readonly cpuMs: number;
  readonly stages: Stages;
  /** How many runs it goes by. */
  readonly runs: number;
};

export const runsMin = 5;

/**
 * From the recorded runs of a request's kind that had their lane idle and nothing else in their
 * batch. The quickest quarter counts: what slows a run on an idle lane can only lengthen it.
 * Undefined where there are too few.
 */
export function aloneFrom(record: FlightRecord, kind: KindRuns | undefined, machine: MachineRecord): Alone | undefined {
  const others = (kind?.runs ?? []).filter(
    (run) => run.startedAt !== record.startedAt && run.startedAt !== kind?.firstAt && !wasHeldUp(run, machine),
  );
  if (others.length < runsMin) return undefined;
  const sorted = others.sort((one, other) => one.tookMs - other.tookMs);
  const quick = sorted.slice(0, Math.max(3, Math.ceil(sorted.length / 4)));
  const mean = (of: (run: KindRun) => number) => quick.reduce((sum, run) => sum + of(run), 0) / quick.length;
  return {
    tookMs: mean(({ tookMs }) => tookMs),
    sessionMs: mean(({ sessionMs }) => sessionMs),
    cpuMs: mean(({ cpuMs, sessionMs }) => Math.min(cpuMs, sessionMs)),
    stages: Object.fromEntries(stageNames.map((name, at) => [name, mean(({ stages }) => stages[at] ?? 0)])) as Stages,
    runs: others.length,
  };
}

/** A hold of the event loop or a collection took a good part of the run. */
function wasHeldUp({ startedAt, tookMs }: KindRun, { holds, collections }: MachineRecord): boolean {
  const span = { from: startedAt, to: startedAt + tookMs };
  const heldMs = [...holds.during(span), ...collections.during(span)].reduce(
    (sum, { from, to }) => sum + Math.min(to, span.to) - Math.max(from, span.from),
    0,
  );
  return heldMs > 0.2 * tookMs;
}
