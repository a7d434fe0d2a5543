import { joined, type Span, sharedMs } from '../../spans-of-time.ts';
import type { MachineRecord, SampleFact } from '../../telemetry/host/machine-record.ts';
import type { Cause } from '../../telemetry/names/causes.ts';

/** A time in which the main thread did nothing for a request, and why. */
export type Hold = Span & { readonly cause: Cause };

/** How the machine was over a time: shares of the whole, of all cores or of one. */
export type MachineFigures = {
  /** Milliseconds of the time that samples cover. */
  readonly coveredMs: number;
  /** Of one core's time, and of all. */
  readonly throttledShare: number;
  readonly stealShare: number;
  readonly busyShare: number;
  readonly ownShare: number;
  readonly ioShare: number;
  readonly cores: number;
};

/** What was recorded of the machine while a request was there. */
export class MachineView {
  /** Collections first: they are part of a hold that they make. */
  readonly holds: readonly Hold[];
  readonly #machine: MachineRecord;

  constructor(machine: MachineRecord, span: Span) {
    this.#machine = machine;
    this.holds = [
      ...machine.collections.during(span).map(({ from, to }) => ({ from, to, cause: 'garbage_collection' as const })),
      ...machine.holds.during(span).map((hold) => ({ from: hold.from, to: hold.to, cause: this.#causeOf(hold) })),
    ];
  }

  /** Each moment once. */
  spansOf(cause: Cause): Span[] {
    return joined(this.holds.filter((hold) => hold.cause === cause));
  }

  /** Reasons for which the clocks of a GPU were held down, and of which device. */
  throttledGpu(span: Span, hwId: string | undefined): { share: number; reasons: string[] } | undefined {
    const { gpuThrottles, gpuDevices, gpuReasons } = this.#machine;
    const found = gpuThrottles.during(span).filter(({ device }) => hwId === undefined || gpuDevices[device] === hwId);
    if (found.length === 0) return undefined;
    const ms = found.reduce((sum, each) => sum + sharedMs(each, span), 0);
    const bits = found.reduce((all, { reasons }) => all | reasons, 0);
    const length = span.to - span.from;
    return { share: length === 0 ? 0 : ms / length, reasons: gpuReasons.filter((_, bit) => (bits & (1 << bit)) !== 0) };
  }

  figures(span: Span): MachineFigures {
    const sums: Record<SampleFact, number> = {
      throttledMs: 0,
      stealMs: 0,
      busyMs: 0,
      idleMs: 0,
      ownMs: 0,
      ioMs: 0,
      cores: 1,
    };
    let sampledMs = 0;
    let coveredMs = 0;
    for (const sample of this.#machine.samples.during(span)) {
      const part = sharedMs(sample, span) / (sample.to - sample.from);
      for (const fact of ['throttledMs', 'stealMs', 'busyMs', 'idleMs', 'ownMs', 'ioMs'] as const)
        sums[fact] += sample[fact] * part;
      sums.cores = sample.cores;
      sampledMs += (sample.to - sample.from) * part;
      coveredMs += sharedMs(sample, span);
    }
    const all = sums.busyMs + sums.idleMs + sums.stealMs;
    const shareOf = (ms: number, whole: number) => (whole > 0 ? Math.min(1, ms / whole) : 0);
    return {
      coveredMs,
      throttledShare: shareOf(sums.throttledMs, sampledMs),
      stealShare: shareOf(sums.stealMs, all),
      busyShare: shareOf(sums.busyMs + sums.stealMs, all),
      ownShare: shareOf(sums.ownMs, all),
      ioShare: shareOf(sums.ioMs, sampledMs),
      cores: sums.cores,
    };
  }

  /**
   * Why something that was ready to run did not. `ownShare`: of all cores, what the waiting work
   * itself had.
   */
  causeOfStall(span: Span, { isShared }: { isShared: boolean }): Cause {
    const { throttledShare, stealShare, busyShare, ownShare, ioShare } = this.figures(span);
    if (throttledShare >= throttledShareMin) return 'cpu_throttled';
    if (isShared && ownShare >= busyShare / 2 && stealShare < stealShareMin) return 'cpu_shared';
    if (busyShare < busyShareMin && ioShare >= ioShareMin) return 'disk';
    return 'cpu_taken';
  }

  /** A hold in which the thread had little of the CPU was not its own work. */
  #causeOf(hold: Span & { readonly cpuMs: number; readonly runQueueMs: number }): Cause {
    if (hold.cpuMs >= ownCpuShareMin * (hold.to - hold.from)) return 'event_loop_held';
    const { throttledShare, ioShare } = this.figures(hold);
    if (throttledShare >= throttledShareMin) return 'cpu_throttled';
    // Blocked in the kernel while a disk was waited for, and not for want of a CPU.
    const isQueued = hold.runQueueMs >= ownCpuShareMin * (hold.to - hold.from);
    return !isQueued && ioShare >= ioShareMin ? 'disk' : 'cpu_taken';
  }
}

const throttledShareMin = 0.1;
const stealShareMin = 0.1;
const busyShareMin = 0.7;
const ioShareMin = 0.3;
const ownCpuShareMin = 0.25;
