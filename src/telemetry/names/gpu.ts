import type { Metric } from './metric.ts';

const ofGpu = ['hw.id', 'hw.name', 'hw.type'] as const;

/** GPUs, by OpenTelemetry’s conventions for hardware. */
export const gpuMetrics = {
  gpuUtilization: {
    name: 'hw.gpu.utilization',
    kind: 'gauge',
    unit: '1',
    says: 'Part of the last sample period (the driver’s own, up to a second) in which the GPU computed.',
    attributes: [...ofGpu, 'hw.gpu.task'],
  },
  gpuMemoryUsage: {
    name: 'hw.gpu.memory.usage',
    kind: 'up-down counter',
    unit: 'By',
    says: 'GPU memory in use, the driver’s own reserve included.',
    attributes: [...ofGpu],
  },
  gpuMemoryLimit: {
    name: 'hw.gpu.memory.limit',
    kind: 'up-down counter',
    unit: 'By',
    says: 'GPU memory there is.',
    attributes: [...ofGpu],
  },
  gpuMemoryUtilization: {
    name: 'hw.gpu.memory.utilization',
    kind: 'gauge',
    unit: '1',
    says: 'Part of the GPU’s memory that is in use.',
    attributes: [...ofGpu],
  },
  gpuPower: {
    name: 'hw.power',
    kind: 'gauge',
    unit: 'W',
    says: 'What the GPU draws.',
    attributes: [...ofGpu],
  },
  gpuPowerLimit: {
    name: 'hw.gpu.power.limit',
    kind: 'gauge',
    unit: 'W',
    says: 'What the GPU may draw at most, as enforced now.',
    attributes: [...ofGpu],
  },
  gpuEnergy: {
    name: 'hw.energy',
    kind: 'counter',
    unit: 'J',
    says: 'What the GPU has used since its driver was loaded, by the GPU’s own counter.',
    attributes: [...ofGpu],
  },
  gpuTemperature: {
    name: 'hw.temperature',
    kind: 'gauge',
    unit: 'Cel',
    says: 'Of the GPU’s chip.',
    attributes: [...ofGpu],
  },
  gpuClock: {
    name: 'hw.gpu.clock',
    kind: 'gauge',
    unit: 'Hz',
    says: 'The clock as it is now.',
    attributes: [...ofGpu, 'hw.gpu.clock.type'],
  },
  gpuThrottle: {
    name: 'hw.gpu.throttle',
    kind: 'gauge',
    unit: '',
    says: '1 while the clocks are held down for this reason, else 0. gpu_idle is no fault: there is nothing to do.',
    attributes: [...ofGpu, 'hw.gpu.throttle.reason'],
  },
  gpuErrors: {
    name: 'hw.errors',
    kind: 'counter',
    unit: '{error}',
    says: 'ECC errors over the life of the GPU: corrected, uncorrected.',
    attributes: [...ofGpu, 'error.type'],
  },
  gpuProcesses: {
    name: 'hw.gpu.processes',
    kind: 'gauge',
    unit: '',
    says: 'Processes with work on the GPU: vitrine (the service and its lanes) or other. Inside a container the driver often names none.',
    attributes: [...ofGpu, 'hw.gpu.process.owner'],
  },
  gpuProcessMemory: {
    name: 'hw.gpu.process.memory.usage',
    kind: 'gauge',
    unit: 'By',
    says: 'GPU memory that these processes hold.',
    attributes: [...ofGpu, 'hw.gpu.process.owner'],
  },
} as const satisfies Record<string, Metric>;
