import { createHistogram } from 'node:perf_hooks';
import { procTextNow } from '../../proc.ts';
import type { Meter } from '../meter.ts';
import type { MachineRecord } from './machine-record.ts';

/**
 * How often a timer checks whether it is late. A check costs an idle process 0.05 ms of CPU; a
 * block as long is always seen.
 */
export const lookEveryMs = 50;

/**
 * How late timers are. The official instrumentation takes half a percent of a core for it, and
 * counts its timer's 10 ms as delay. With a record, each time that the loop was held is stored in
 * it.
 */
export function observeEventLoopDelay(meter: Meter, record?: MachineRecord): void {
  const delays = createHistogram();
  const holds = record && new Holds(record);
  let dueAt = performance.now() + lookEveryMs;
  setInterval(() => {
    const now = performance.now();
    // A histogram counts whole numbers from 1 on.
    delays.record(Math.max(1, Math.round((now - dueAt) * 1e6)));
    holds?.look(now, dueAt);
    dueAt = now + lookEveryMs;
  }, lookEveryMs).unref();
  record?.readBy(() => holds?.look(performance.now(), dueAt));
  meter.observe((observe) => {
    if (delays.count === 0) return;
    observe('eventLoopDelayMin', delays.min / 1e9);
    observe('eventLoopDelayMax', delays.max / 1e9);
    observe('eventLoopDelayMean', delays.mean / 1e9);
    observe('eventLoopDelayDeviation', delays.stddev / 1e9);
    observe('eventLoopDelayP50', delays.percentile(50) / 1e9);
    observe('eventLoopDelayP90', delays.percentile(90) / 1e9);
    observe('eventLoopDelayP99', delays.percentile(99) / 1e9);
    delays.reset();
  });
}

/**
 * A late timer proves that the loop was held until now; that it had nothing to wait for since when
 * is what libuv says.
 */
class Holds {
  readonly #record: MachineRecord;
  #lookedAt = performance.now();
  #activeMs = performance.eventLoopUtilization().active;
  #cpuMs = threadCpuMs();
  #runQueueMs = runQueueMs();

  constructor(record: MachineRecord) {
    this.#record = record;
  }

  look(now: number, dueAt: number): void {
    const { active } = performance.eventLoopUtilization();
    const cpuMs = threadCpuMs();
    const lookedAt = this.#lookedAt;
    const isLate = now - dueAt >= lateMsMin;
    const activeMs = active - this.#activeMs;
    if (isLate || activeMs >= busyShareMin * (now - lookedAt)) {
      const queued = runQueueMs();
      // A process that was stopped was idle by its own account, and late all the same.
      const from = Math.max(lookedAt, Math.min(now - activeMs, isLate ? dueAt : now));
      if (now - from >= lateMsMin) this.#record.holds.add(from, now, cpuMs - this.#cpuMs, queued - this.#runQueueMs);
      this.#runQueueMs = queued;
    }
    this.#lookedAt = now;
    this.#activeMs = active;
    this.#cpuMs = cpuMs;
  }
}

/** Timers are whole milliseconds, and a busy machine adds some. */
const lateMsMin = 5;
const busyShareMin = 0.9;

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Of this thread: how long it was ready to run and did not. */
function runQueueMs(): number {
  return Number(procTextNow('/proc/thread-self/schedstat')?.split(' ')[1] ?? 0) / 1e6;
}
