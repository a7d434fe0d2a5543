import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** CPU time of a process in nanoseconds, by what its threads are for. */
export type CpuTime = { main: number; lanes: number; others: number };

/**
 * Linux only: /proc has it in nanoseconds, where the usual clock ticks are 10 ms. Threads that have
 * ended are missing from it.
 */
export function cpuTimeOf(processId: number): CpuTime {
  const time: CpuTime = { main: 0, lanes: 0, others: 0 };
  for (const thread of orNothing(() => readdirSync(`/proc/${processId}/task`)) ?? []) {
    const folder = `/proc/${processId}/task/${thread}`;
    const ns = orNothing(() => Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]));
    const name = orNothing(() => readFileSync(`${folder}/comm`, 'utf8'));
    if (ns === undefined || name === undefined) continue;
    time[thread === String(processId) ? 'main' : name.startsWith('lane-') ? 'lanes' : 'others'] += ns;
  }
  return time;
}

/**
 * The same with the processes that it has started: all `others`, and in steps of 10 ms, but with
 * the threads of theirs that have ended.
 */
export function cpuTimeOfTree(processId: number): CpuTime {
  const time = cpuTimeOf(processId);
  for (const child of childrenOf(processId)) time.others += wholeTimeOf(child);
  return time;
}

/** Microseconds a request. */
export function cpuPerRequest(before: CpuTime, after: CpuTime, requests: number): CpuTime & { all: number } {
  const per = (kind: keyof CpuTime) => (after[kind] - before[kind]) / 1000 / requests;
  const [main, lanes, others] = [per('main'), per('lanes'), per('others')];
  return { main, lanes, others, all: main + lanes + others };
}

/**
 * What the hypervisor gave to other machines while this one wanted to run, in CPU seconds since the
 * start: the noise that no program here makes.
 */
export function stolenSeconds(): number {
  const [, ...ticks] = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0]!.split(/\s+/);
  return Number(ticks[7]) / 100;
}

/** Of all cores, percent, since `before` of the same. */
export function stolenPercentSince(before: number, seconds: number): number {
  return (100 * (stolenSeconds() - before)) / (availableParallelism() * seconds);
}

function wholeTimeOf(processId: number): number {
  const stat = orNothing(() => readFileSync(`/proc/${processId}/stat`, 'utf8'));
  // The name may have anything in it; it ends with the last bracket. User and system time are the
  // 14th and 15th field.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  const ticks = Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  return ticks * 1e7 + childrenOf(processId).reduce((ns, child) => ns + wholeTimeOf(child), 0);
}

function childrenOf(processId: number): number[] {
  return (orNothing(() => readdirSync(`/proc/${processId}/task`)) ?? []).flatMap(
    (thread) =>
      orNothing(() => readFileSync(`/proc/${processId}/task/${thread}/children`, 'utf8'))
        ?.trim()
        .split(' ')
        .filter(Boolean)
        .map(Number) ?? [],
  );
}

/** Undefined for a thread or process that ended between two looks. */
function orNothing<Found>(look: () => Found): Found | undefined {
  try {
    return look();
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}
