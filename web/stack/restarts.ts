import { queryRange } from '../asking/backends.ts';

export type Start = { server: string; instance: string; atMs: number };

const daySeconds = 86_400;
const stepSeconds = 60;
/** Clocks and scrapes differ: two starts that are closer are one. */
const sameSeconds = 5;

/** By each server's own word, when it started; the Collector says how long it has been up. */
const startTimes =
  'process_start_time_seconds or (timestamp(otelcol_process_uptime_seconds_total) - otelcol_process_uptime_seconds_total)';

/** When servers started in the last day, the newest first; a second start is a restart. */
export async function askStarts(signal: AbortSignal): Promise<Start[]> {
  const end = Math.floor(Date.now() / 1000);
  const series = await queryRange({ query: startTimes, start: end - daySeconds, end, step: stepSeconds }, signal);
  const starts = new Map<string, Start>();
  for (const { metric, values } of series)
    for (const [, value] of values) {
      const at = Number(value);
      const server = metric.job ?? '';
      const instance = metric.instance ?? '';
      const isKnown = [...starts.values()].some(
        (each) => each.server === server && each.instance === instance && Math.abs(each.atMs / 1000 - at) < sameSeconds,
      );
      if (!isKnown && at > end - daySeconds)
        starts.set(`${server} ${instance} ${at}`, { server, instance, atMs: at * 1000 });
    }
  return [...starts.values()].sort((a, b) => b.atMs - a.atMs);
}
