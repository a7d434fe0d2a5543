import type { BatchGpu, GpuMeter } from '../engine/inference.ts';
import type { GpuDevice } from '../telemetry/host/gpu/reading.ts';
import type { Gpu } from '../telemetry/host/gpu/start-gpu.ts';

const turnsMax = 4096;

/**
 * What of a GPU's time and energy a run had, when several run on it side by side: while n run, each
 * has one n-th. What all had together is so never more than what the device gave.
 */
export class GpuShare implements GpuMeter {
  readonly #gpu: () => Pick<Gpu, 'devices' | 'energyBetween'>;
  #running = 0;
  /**
   * The time one run would have had since the start, at the moments when the number of runs
   * changed.
   */
  #turns: { atMs: number; sharedMs: number; running: number }[] = [{ atMs: 0, sharedMs: 0, running: 0 }];

  constructor(gpu: () => Pick<Gpu, 'devices' | 'energyBetween'>) {
    this.#gpu = gpu;
  }

  began(provider: string, atMs: number): void {
    if (provider !== 'cpu') this.#turn(atMs, 1);
  }

  ended(provider: string, startMs: number, endMs: number): BatchGpu | undefined {
    if (provider === 'cpu') return undefined;
    const heldMs = this.#sharedAt(endMs) - this.#sharedAt(startMs);
    this.#turn(endMs, -1);
    const hwId = deviceOf(provider, this.#gpu().devices());
    const energy = hwId === undefined ? undefined : this.#gpu().energyBetween(hwId, startMs, endMs);
    const part = endMs > startMs ? heldMs / (endMs - startMs) : 0;
    return {
      hwId,
      seconds: heldMs / 1000,
      energy: energy && energy.is !== 'unknown' ? { joules: energy.joules * part, is: energy.is } : undefined,
    };
  }

  #turn(atMs: number, change: 1 | -1): void {
    const sharedMs = this.#sharedAt(atMs);
    this.#running = Math.max(0, this.#running + change);
    this.#turns.push({ atMs, sharedMs, running: this.#running });
    if (this.#turns.length > 2 * turnsMax) this.#turns = this.#turns.slice(-turnsMax);
  }

  #sharedAt(ms: number): number {
    let at = this.#turns.length - 1;
    while (at > 0 && this.#turns[at]!.atMs > ms) at -= 1;
    const { atMs, sharedMs, running } = this.#turns[at]!;
    return sharedMs + Math.max(0, ms - atMs) / Math.max(1, running);
  }
}

/**
 * The only one there is; of several the one that CUDA shows first. Else it cannot be said, and
 * nothing is.
 */
function deviceOf(provider: string, devices: readonly GpuDevice[]): string | undefined {
  if (devices.length <= 1) return devices[0]?.hwId;
  if (provider !== 'cuda') return undefined;
  const first = (process.env.CUDA_VISIBLE_DEVICES ?? '').split(',')[0]?.trim() ?? '';
  if (first.startsWith('GPU-')) return devices.find(({ hwId }) => hwId.startsWith(first))?.hwId;
  if (!/^\d+$/.test(first) || process.env.CUDA_DEVICE_ORDER !== 'PCI_BUS_ID') return undefined;
  return devices.find(({ index }) => index === Number(first))?.hwId;
}
