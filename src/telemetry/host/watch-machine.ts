import { availableParallelism } from 'node:os';
import { PerformanceObserver } from 'node:perf_hooks';
import { procTextNow } from '../../proc.ts';
import type { MachineRecord } from './machine-record.ts';

const sampleEveryMs = 500;
/** Shorter collections are part of what everything takes. */
const collectionMsMin = 0.5;

/** Fills the record: collections of garbage as they end, and the machine twice a second. */
export function watchMachine(record: MachineRecord): Disposable {
  const observer = watchCollections(record);
  const throttles = throttleFile();
  let before = read(throttles);
  const sample = () => {
    const now = read(throttles);
    if (now.at - before.at < sampleMsMin) return;
    record.samples.add(
      before.at,
      now.at,
      now.throttledMs - before.throttledMs,
      now.stealMs - before.stealMs,
      now.busyMs - before.busyMs,
      now.idleMs - before.idleMs,
      now.ownMs - before.ownMs,
      now.ioMs - before.ioMs,
      availableParallelism(),
    );
    before = now;
  };
  const timer = setInterval(sample, sampleEveryMs).unref();
  record.readBy(sample);
  return {
    [Symbol.dispose]: () => {
      clearInterval(timer);
      observer.disconnect();
    },
  };
}

/** The kernel counts in ticks of 10 ms: a shorter sample would say nothing. */
const sampleMsMin = 20;

function watchCollections(record: MachineRecord): PerformanceObserver {
  const add = (entries: readonly { startTime: number; duration: number; detail?: unknown }[]) => {
    for (const { startTime, duration, detail } of entries) {
      if (duration < collectionMsMin) continue;
      record.collections.add(startTime, startTime + duration, (detail as { kind?: number } | undefined)?.kind ?? 0);
    }
  };
  const observer = new PerformanceObserver((list) => add(list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  record.readBy(() => add(observer.takeRecords()));
  return observer;
}

function read(throttles: ThrottleFile) {
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    ownMs: (user + system) / 1000,
    throttledMs: throttledMs(throttles),
    ioMs: someIoMs(),
    ...machineMs(),
  };
}

/** In ticks of 10 ms: user, nice, system, idle, iowait, irq, softirq, steal. */
function machineMs(): { stealMs: number; busyMs: number; idleMs: number } {
  const text = procTextNow('/proc/stat') ?? '';
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = text
    .slice(0, text.indexOf('\n'))
    .split(/\s+/)
    .slice(1)
    .map((ticks) => Number(ticks) * 10);
  return { stealMs: steal, busyMs: user + nice + system + irq + softIrq, idleMs: idle + ioWait };
}

function someIoMs(): number {
  const total = /^some .*total=(\d+)/.exec(procTextNow('/proc/pressure/io') ?? '')?.[1];
  return Number(total ?? 0) / 1000;
}

/** The first version of cgroups counts nanoseconds, the second microseconds. */
type ThrottleFile = { readonly file: string; readonly pattern: RegExp; readonly perMs: number };

function throttledMs({ file, pattern, perMs }: ThrottleFile): number {
  return Number(pattern.exec(procTextNow(file) ?? '')?.[1] ?? 0) / perMs;
}

/** Of the process's own cgroup. A container sees its own at the root. */
function throttleFile(): ThrottleFile {
  const groups = procTextNow('/proc/self/cgroup') ?? '';
  const first = /^\d+:(?:[^:]*,)?cpu(?:,[^:]*)?:(.*)$/m.exec(groups)?.[1];
  const isFirst = first !== undefined;
  const root = isFirst ? '/sys/fs/cgroup/cpu' : '/sys/fs/cgroup';
  const own = `${root}${first ?? /^0::(.*)$/m.exec(groups)?.[1] ?? ''}/cpu.stat`;
  const file = procTextNow(own) === undefined ? `${root}/cpu.stat` : own;
  return isFirst
    ? { file, pattern: /^throttled_time (\d+)$/m, perMs: 1e6 }
    : { file, pattern: /^throttled_usec (\d+)$/m, perMs: 1000 };
}
