import { attribute } from '../../names/names.ts';
import { type Answer, clockTypes, type DeviceHandle, eccTypes, type Nvml } from './nvml.ts';
import type { DeviceReading, GpuMetric } from './reading.ts';

/**
 * Reads all there is of one device, in the units of the table of names. What the driver does not
 * give is absent, never zero.
 */
export function readDevice(
  nvml: Nvml,
  device: DeviceHandle,
  isOurs: (pid: number) => boolean,
): Pick<DeviceReading, 'points' | 'refused'> {
  const points: DeviceReading['points'] = [];
  const refused: DeviceReading['refused'] = [];
  const point = (of: GpuMetric, value: number, labels: Record<string, string> = {}) =>
    void points.push({ of, value, labels });
  const read = <Value>(what: string, answer: Answer<Value>, use: (value: Value) => void) => {
    if (answer.is === 'value') use(answer.value);
    else if (!notThere.has(answer.code)) refused.push({ what, code: answer.code });
  };

  read('utilization', nvml.utilization(device), (percent) =>
    point('gpuUtilization', percent / 100, { [attribute.gpuTask]: 'general' }),
  );
  read('memory', nvml.memory(device), ({ usedBytes, totalBytes }) => {
    point('gpuMemoryUsage', usedBytes);
    point('gpuMemoryLimit', totalBytes);
    if (totalBytes > 0) point('gpuMemoryUtilization', usedBytes / totalBytes);
  });
  read('power', nvml.powerMilliwatts(device), (milliwatts) => point('gpuPower', milliwatts / 1000));
  read('power limit', nvml.powerLimitMilliwatts(device), (milliwatts) => point('gpuPowerLimit', milliwatts / 1000));
  read('energy', nvml.energyMillijoules(device), (millijoules) => point('gpuEnergy', millijoules / 1000));
  read('temperature', nvml.temperatureCelsius(device), (celsius) => point('gpuTemperature', celsius));
  for (const type of Object.keys(clockTypes) as (keyof typeof clockTypes)[]) {
    read(`${type} clock`, nvml.clockMegahertz(device, type), (megahertz) =>
      point('gpuClock', megahertz * 1_000_000, { [attribute.gpuClockType]: type }),
    );
  }
  read('throttle reasons', nvml.throttleReasons(device), (bits) => {
    for (const [reason, isSet] of Object.entries(throttleReasonsIn(bits))) {
      point('gpuThrottle', isSet ? 1 : 0, { [attribute.gpuThrottleReason]: reason });
    }
  });
  for (const type of Object.keys(eccTypes) as (keyof typeof eccTypes)[]) {
    read(`${type} errors`, nvml.eccErrors(device, type), (count) =>
      point('gpuErrors', count, { [attribute.errorType]: type }),
    );
  }
  read('processes', nvml.processes(device), (processes) => {
    for (const owner of ['vitrine', 'other'] as const) {
      const theirs = processes.filter(({ pid }) => isOurs(pid) === (owner === 'vitrine'));
      const labels = { [attribute.gpuProcessOwner]: owner };
      point('gpuProcesses', theirs.length, labels);
      const bytes = theirs.flatMap(({ usedBytes }) => usedBytes ?? []);
      if (bytes.length === theirs.length) point('gpuProcessMemory', sum(bytes), labels);
    }
  });
  return { points, refused };
}

const notThere: ReadonlySet<string> = new Set(['not_supported', 'function_not_found', 'no_data']);

const throttleBits = {
  gpu_idle: 0x1n,
  applications_clocks: 0x2n,
  sw_power_cap: 0x4n,
  hw_slowdown: 0x8n,
  sync_boost: 0x10n,
  sw_thermal: 0x20n,
  hw_thermal: 0x40n,
  hw_power_brake: 0x80n,
  display_clocks: 0x100n,
} as const;

/**
 * Every reason with whether it holds; a bit that is not in the table is `other`, so that no
 * throttling is hidden by a newer driver.
 */
export function throttleReasonsIn(bits: bigint): Record<keyof typeof throttleBits | 'other', boolean> {
  const known = Object.values(throttleBits).reduce((all, bit) => all | bit, 0n);
  const named = Object.entries(throttleBits).map(([reason, bit]) => [reason, (bits & bit) !== 0n]);
  return { ...Object.fromEntries(named), other: (bits & ~known) !== 0n };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
