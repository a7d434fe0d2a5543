import { attribute } from '../../names/names.ts';
import type { MachineRecord } from '../machine-record.ts';
import type { DeviceReading } from './reading.ts';

/** There is nothing to do: no fault. */
const idleReason = 'gpu_idle';

/** Records from one reading to the next for which reasons the clocks of each GPU were held down. */
export class ThrottleRecord {
  readonly #machine: MachineRecord;
  #readAt: number | undefined;

  constructor(machine: MachineRecord) {
    this.#machine = machine;
  }

  add(atMs: number, devices: readonly DeviceReading[]): void {
    const { gpuThrottles, gpuDevices, gpuReasons } = this.#machine;
    const from = this.#readAt ?? atMs;
    this.#readAt = atMs;
    for (const { hwId, points } of devices) {
      let reasons = 0;
      for (const { of, value, labels } of points) {
        const reason = labels[attribute.gpuThrottleReason];
        if (of !== 'gpuThrottle' || value !== 1 || reason === undefined || reason === idleReason) continue;
        reasons |= 1 << numberOf(gpuReasons, reason);
      }
      if (reasons !== 0) gpuThrottles.add(from, atMs, numberOf(gpuDevices, hwId), reasons);
    }
  }
}

function numberOf(names: string[], name: string): number {
  const at = names.indexOf(name);
  return at >= 0 ? at : names.push(name) - 1;
}
