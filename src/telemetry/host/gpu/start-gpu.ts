import type { Config } from '../../../config.ts';
import type { LabelsOf, Meter } from '../../meter.ts';
import { attribute, metricNames } from '../../names/names.ts';
import type { MachineRecord } from '../machine-record.ts';
import { EnergyCurve, type GpuEnergy } from './energy-curve.ts';
import { findLibrary } from './find-library.ts';
import { type GpuState, logState, logValue } from './log-state.ts';
import type { RefusalCode } from './nvml.ts';
import { ReaderProcess } from './reader-process.ts';
import type { DeviceReading, GpuDevice, GpuMetric, GpuPoint, ReaderMessage } from './reading.ts';
import { ThrottleRecord } from './throttle-record.ts';

export type Gpu = {
  state(): GpuState;
  /** The devices that are read now. */
  devices(): readonly GpuDevice[];
  /** Memory and use of each device, as last read, for /health/detailed. */
  figures(): GpuFigures[];
  /**
   * What a device used between two moments of `performance.now()`. Answers at once, from what was
   * read before.
   */
  energyBetween(hwId: string, startMs: number, endMs: number): GpuEnergy;
  stop(): Promise<void>;
};

export type GpuFigures = {
  id: string;
  name: string;
  memory_used_bytes?: number;
  memory_total_bytes?: number;
  utilization_percent?: number;
};

export type GpuOptions = Pick<
  Config,
  'gpuOn' | 'nvmlLibrary' | 'gpuPeriodMs' | 'gpuEnergyPeriodMs' | 'gpuHangMsMax' | 'telemetryOff'
> & {
  /** Where the driver lists its devices; another one is for tests. */
  driverFolder?: string;
};

/**
 * Starts the reading of all GPUs, in a process of its own. Where NVIDIA's library is not there,
 * nothing is loaded and nothing started.
 */
export function startGpu(options: GpuOptions, meter: Meter, machine?: MachineRecord): Gpu {
  if (!options.gpuOn || options.telemetryOff) return noGpu({ is: 'off' });
  if (!findLibrary(options.nvmlLibrary)) {
    const state: GpuState = { is: 'no_library', library: options.nvmlLibrary };
    logState(state, { is: 'off' });
    return noGpu(state);
  }
  return new GpuReadings(options, meter, machine);
}

/** Stands in where there is no GPU, and before one is looked for. */
export function noGpu(state: GpuState = { is: 'off' }): Gpu {
  return {
    state: () => state,
    devices: () => [],
    figures: () => [],
    energyBetween: () => ({ is: 'unknown' }),
    stop: async () => undefined,
  };
}

/**
 * The readings' clock is the machine's monotonic one, performance.now() counts from the start of
 * the process.
 */
const clockOffsetMs = Number(process.hrtime.bigint()) / 1e6 - performance.now();

/** After so many periods without a reading, the last one says nothing of now. */
const freshPeriods = 3;

class GpuReadings implements Gpu {
  readonly #reader: ReaderProcess;
  readonly #freshMs: number;
  readonly #throttles: ThrottleRecord | undefined;
  #state: GpuState = { is: 'opening' };
  #logged: GpuState = { is: 'off' };
  #reading: { atMs: number; devices: readonly DeviceReading[] } | undefined;
  readonly #curves = new Map<string, EnergyCurve>();
  readonly #refused = new Map<string, { hwId: string; what: string; code: RefusalCode }>();

  constructor(options: GpuOptions, meter: Meter, machine: MachineRecord | undefined) {
    this.#throttles = machine && new ThrottleRecord(machine);
    this.#freshMs = freshPeriods * options.gpuPeriodMs;
    this.#reader = new ReaderProcess({
      library: options.nvmlLibrary,
      periodMs: options.gpuPeriodMs,
      energyPeriodMs: options.gpuEnergyPeriodMs,
      driverFolder: options.driverFolder ?? '/proc/driver/nvidia/gpus',
      parentId: process.pid,
      hangMsMax: options.gpuHangMsMax,
      onMessage: (message) => this.#take(message),
      onEnd: (end) => this.#become(end),
    });
    this.#reader.start();
    meter.observe((observe) => {
      for (const { device, point } of this.#freshPoints()) {
        const labels = {
          [attribute.hwId]: device.hwId,
          [attribute.hwName]: device.name,
          [attribute.hwType]: 'gpu',
          ...point.labels,
        };
        observe(point.of, point.value, ...labelValues(point.of, labels));
      }
    });
  }

  state(): GpuState {
    return this.#state;
  }

  devices(): readonly GpuDevice[] {
    return this.#state.is === 'reading' ? this.#state.devices : [];
  }

  figures(): GpuFigures[] {
    const byDevice = new Map<string, GpuFigures>();
    for (const { device, point } of this.#freshPoints()) {
      const figures = byDevice.get(device.hwId) ?? { id: device.hwId, name: device.name };
      byDevice.set(device.hwId, figures);
      if (point.of === 'gpuMemoryUsage') figures.memory_used_bytes = point.value;
      if (point.of === 'gpuMemoryLimit') figures.memory_total_bytes = point.value;
      if (point.of === 'gpuUtilization' && point.labels[attribute.gpuTask] === 'general')
        figures.utilization_percent = 100 * point.value;
    }
    return [...byDevice.values()];
  }

  energyBetween(hwId: string, startMs: number, endMs: number): GpuEnergy {
    const curve = this.#curves.get(hwId) ?? new EnergyCurve();
    return curve.between(startMs, endMs, () => this.#wattsNow(hwId));
  }

  async stop(): Promise<void> {
    await this.#reader.stop();
    this.#state = { is: 'off' };
  }

  #take(message: ReaderMessage): void {
    switch (message.says) {
      case 'refused':
        this.#become({ is: 'refused', code: message.code, detail: message.detail });
        return;
      case 'devices': {
        const { driver, devices, closed } = message;
        this.#state = { is: 'reading', driver, devices, closed };
        return;
      }
      case 'alive':
        return;
      case 'reading':
        this.#throttles?.add(message.atMs - clockOffsetMs, message.devices);
        this.#reading = { atMs: message.atMs - clockOffsetMs, devices: message.devices };
        // Only now: the first reading can be where a defective driver ends it, again and again.
        this.#logChange();
        this.#noteRefusals(message.devices);
        return;
      case 'energy':
        for (const [hwId, joules] of Object.entries(message.joules)) {
          const curve = this.#curves.get(hwId) ?? new EnergyCurve();
          this.#curves.set(hwId, curve);
          curve.add(message.atMs - clockOffsetMs, joules);
        }
        return;
    }
  }

  #become(next: GpuState): void {
    this.#state = next;
    if (next.is !== 'reading') this.#reading = undefined;
    this.#logChange();
  }

  #logChange(): void {
    logState(this.#state, this.#logged);
    this.#logged = this.#state;
  }

  #wattsNow(hwId: string): number | undefined {
    const isIt = (each: { device: GpuDevice; point: GpuPoint }) =>
      each.device.hwId === hwId && each.point.of === 'gpuPower';
    return this.#freshPoints().find(isIt)?.point.value;
  }

  #freshPoints(): { device: GpuDevice; point: GpuPoint }[] {
    if (!this.#reading || performance.now() - this.#reading.atMs > this.#freshMs) return [];
    const devices = this.devices();
    return this.#reading.devices.flatMap(({ hwId, points }) => {
      const device = devices.find((each) => each.hwId === hwId);
      return device ? points.map((point) => ({ device, point })) : [];
    });
  }

  #noteRefusals(devices: readonly DeviceReading[]): void {
    const now = new Map<string, { hwId: string; what: string; code: RefusalCode }>(
      devices.flatMap(({ hwId, refused }) =>
        refused.map(({ what, code }) => [`${hwId} ${what}`, { hwId, what, code }] as const),
      ),
    );
    for (const [key, { hwId, what, code }] of now) {
      if (this.#refused.get(key)?.code !== code) logValue(hwId, what, code);
      this.#refused.set(key, { hwId, what, code });
    }
    for (const [key, { hwId, what }] of this.#refused) {
      // A device that is not read now has not got better either.
      if (now.has(key) || !devices.some((each) => each.hwId === hwId)) continue;
      logValue(hwId, what, undefined);
      this.#refused.delete(key);
    }
  }
}
/** In the order of the metric's row. */
function labelValues(of: GpuMetric, labels: Record<string, string>): LabelsOf<GpuMetric> {
  return metricNames[of].attributes.map(
    (attribute) => labels[attribute] ?? '',
  ) as string[] as unknown as LabelsOf<GpuMetric>;
}
