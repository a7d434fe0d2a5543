import { setTimeout as pause } from 'node:timers/promises';
import { idleShares } from './idle-shares.ts';
import type { Job } from './plan-suite.ts';
import { add, nothingRun, type Report } from './report.ts';
import { type MochaRun, runMocha } from './run-mocha.ts';

export type SuiteOptions = {
  readonly cores: number;
  readonly jobsMax: number;
  readonly stop: AbortSignal;
  readonly onEnd: (job: Job, run: MochaRun, ms: number) => void;
  readonly run?: (job: Job) => Promise<MochaRun>;
  /** Answers when another job may begin beside those that run. */
  readonly room?: (given: AbortSignal) => Promise<boolean>;
};

/** A process with it has a third of the time of one without, where both compute. */
const behind = 5;

/**
 * Runs jobs side by side, in their order. One more than there are processors begin at once, and
 * another whenever the processors have room, because most tests wait. Of the jobs that go first no
 * more run than there are processors, and the next ones pass them. Jobs that run alone come last.
 */
export async function runSuite(
  jobs: readonly Job[],
  {
    cores,
    jobsMax,
    stop,
    onEnd,
    run = (job) => runMocha(job.files, { stop, nice: niceOf(job, jobs) }),
    room = untilIdle,
  }: SuiteOptions,
): Promise<Report> {
  let total = nothingRun;
  const running = new Map<Promise<void>, Job>();
  const begin = (job: Job) => {
    const beganMs = performance.now();
    const ended = run(job).then((ran) => {
      total = add(total, ran.report);
      running.delete(ended);
      onEnd(job, ran, performance.now() - beganMs);
    });
    running.set(ended, job);
  };
  const first = () => [...running.values()].filter(({ place }) => place === 'first').length;
  const waiting = [...jobs];
  while (waiting.length > 0 && !stop.aborted) {
    if (running.size >= jobsMax) await Promise.race(running.keys());
    if (running.size > cores && !(await roomBeside([...running.keys()], room))) continue;
    const next = waiting.findIndex(({ place }) =>
      place === 'alone' ? running.size === 0 : place === 'beside' || first() < cores,
    );
    if (next === -1) await Promise.race(running.keys());
    else if (!stop.aborted) begin(...(waiting.splice(next, 1) as [Job]));
  }
  await Promise.all(running.keys());
  return total;
}

/** Nobody steps back where there is nobody to step back for. */
function niceOf({ place }: Job, jobs: readonly Job[]): number {
  return place === 'beside' && jobs.some((one) => one.place === 'first') ? behind : 0;
}

/** False when one of them has ended first. */
async function roomBeside(
  running: readonly Promise<void>[],
  room: NonNullable<SuiteOptions['room']>,
): Promise<boolean> {
  const look = new AbortController();
  try {
    return await Promise.race([...running.map((ended) => ended.then(() => false)), room(look.signal)]);
  } finally {
    look.abort();
  }
}

const idleShareMin = 0.3;
const lookMs = 3_000;

/**
 * Until 0.3 of the machine was idle for three seconds; the job that began last needed them to
 * start.
 */
async function untilIdle(given: AbortSignal): Promise<boolean> {
  const look = idleShares();
  while (!given.aborted) {
    await pause(lookMs);
    if (look() >= idleShareMin) return true;
  }
  return false;
}
