import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Meter } from '../meter.ts';

/**
 * How often a timer checks whether it is late. A check costs an idle process 0.05 ms of CPU; a
 * block as long is always seen.
 */
export const lookEveryMs = 50;

/**
 * How late timers are. The official instrumentation takes half a percent of a core for it, and
 * counts its timer's 10 ms as delay.
 */
export function observeEventLoopDelay(meter: Meter): void {
  const waits = monitorEventLoopDelay({ resolution: lookEveryMs });
  waits.enable();
  meter.observe((observe) => {
    if (waits.count === 0) return;
    observe('eventLoopDelayMin', delayOf(waits.min));
    observe('eventLoopDelayMax', delayOf(waits.max));
    observe('eventLoopDelayMean', delayOf(waits.mean));
    observe('eventLoopDelayDeviation', waits.stddev / 1e9);
    observe('eventLoopDelayP50', delayOf(waits.percentile(50)));
    observe('eventLoopDelayP90', delayOf(waits.percentile(90)));
    observe('eventLoopDelayP99', delayOf(waits.percentile(99)));
    waits.reset();
  });
}

/** In seconds, of a wait in nanoseconds. */
function delayOf(wait: number): number {
  return Math.max(0, wait / 1e9 - lookEveryMs / 1000);
}
