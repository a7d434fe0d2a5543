import { readdirSync, readFileSync } from 'node:fs';

/** CPU time of a process in nanoseconds, by what its threads are for. */
export type CpuTime = { main: number; lanes: number; others: number };

/** Linux only: /proc has it in nanoseconds, where the usual clock ticks are 10 ms. Threads that have ended are missing from it. */
export function cpuTimeOf(processId: number): CpuTime {
  const time: CpuTime = { main: 0, lanes: 0, others: 0 };
  for (const thread of readdirSync(`/proc/${processId}/task`)) {
    try {
      const [ns] = readFileSync(`/proc/${processId}/task/${thread}/schedstat`, 'utf8').split(' ');
      const name = readFileSync(`/proc/${processId}/task/${thread}/comm`, 'utf8').trim();
      const kind = thread === String(processId) ? 'main' : name === 'WorkerThread' ? 'lanes' : 'others';
      time[kind] += Number(ns);
    } catch (error) {
      // It ended between the two looks.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT' && (error as NodeJS.ErrnoException).code !== 'ESRCH')
        throw error;
    }
  }
  return time;
}

/** Microseconds a request. */
export function cpuPerRequest(before: CpuTime, after: CpuTime, requests: number): CpuTime & { all: number } {
  const per = (kind: keyof CpuTime) => (after[kind] - before[kind]) / 1000 / requests;
  const [main, lanes, others] = [per('main'), per('lanes'), per('others')];
  return { main, lanes, others, all: main + lanes + others };
}
