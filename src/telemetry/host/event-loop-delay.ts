import { monitorEventLoopDelay } from 'node:perf_hooks';
import { observableGauge, observeTogether } from '../meter/metrics.ts';

/** How often a timer looks whether it is late. Each look costs an idle process 0.05 ms of CPU; what blocks for as long is always seen. */
export const lookEveryMs = 50;

/**
 * How late timers are. The official instrumentation tells the same by the same names, but looks every 10 ms, half a percent of a core, and counts
 * the 10 ms that its timer is meant to wait as delay.
 */
export function observeEventLoopDelay(): void {
  const waits = monitorEventLoopDelay({ resolution: lookEveryMs });
  waits.enable();
  const [min, max, mean, deviation] = [
    observableGauge('eventLoopDelayMin'),
    observableGauge('eventLoopDelayMax'),
    observableGauge('eventLoopDelayMean'),
    observableGauge('eventLoopDelayDeviation'),
  ];
  const percentiles = [
    { part: 50, gauge: observableGauge('eventLoopDelayP50') },
    { part: 90, gauge: observableGauge('eventLoopDelayP90') },
    { part: 99, gauge: observableGauge('eventLoopDelayP99') },
  ];
  const all = [min, max, mean, deviation, ...percentiles.map(({ gauge }) => gauge)];
  observeTogether(all, (result) => {
    if (waits.count === 0) return;
    result.observe(min, delayOf(waits.min));
    result.observe(max, delayOf(waits.max));
    result.observe(mean, delayOf(waits.mean));
    result.observe(deviation, waits.stddev / 1e9);
    for (const { part, gauge } of percentiles) result.observe(gauge, delayOf(waits.percentile(part)));
    waits.reset();
  });
}

/** In seconds, of a wait in nanoseconds. */
function delayOf(wait: number): number {
  return Math.max(0, wait / 1e9 - lookEveryMs / 1000);
}
