import type { Metric } from './metric.ts';

/**
 * By who measures it: the official instrumentations, or telemetry/host-metrics.ts and
 * event-loop-delay.ts.
 */
const byRuntimeNode = { from: '@opentelemetry/instrumentation-runtime-node' } as const;
const byHostMetrics = { from: '@opentelemetry/instrumentation-host-metrics' } as const;

const gauge = { kind: 'gauge' } as const;
const counter = { kind: 'counter' } as const;
const ofProcessor = ['cpu.logical_number', 'cpu.mode'] as const;
const ofNetwork = ['system.device', 'network.io.direction'] as const;
const ofHeapSpace = ['v8js.heap.space.name'] as const;

const delayOf = (says: string) => ({
  ...gauge,
  unit: 's',
  says: `${says} of what the event loop made timers wait since the last export.`,
  attributes: [],
});

/** The process, its runtime and the machine, by OpenTelemetry’s conventions. */
export const hostMetrics = {
  eventLoopDelayMin: { name: 'nodejs.eventloop.delay.min', ...delayOf('The least') },
  eventLoopDelayMax: { name: 'nodejs.eventloop.delay.max', ...delayOf('The most') },
  eventLoopDelayMean: { name: 'nodejs.eventloop.delay.mean', ...delayOf('The mean') },
  eventLoopDelayDeviation: { name: 'nodejs.eventloop.delay.stddev', ...delayOf('The standard deviation') },
  eventLoopDelayP50: { name: 'nodejs.eventloop.delay.p50', ...delayOf('The median') },
  eventLoopDelayP90: { name: 'nodejs.eventloop.delay.p90', ...delayOf('The 90th percentile') },
  eventLoopDelayP99: { name: 'nodejs.eventloop.delay.p99', ...delayOf('The 99th percentile') },
  eventLoopTime: {
    ...byRuntimeNode,
    ...counter,
    name: 'nodejs.eventloop.time',
    unit: 's',
    says: 'Time of the event loop by state: active or idle.',
    attributes: ['nodejs.eventloop.state'],
  },
  eventLoopUtilization: {
    ...byRuntimeNode,
    ...gauge,
    name: 'nodejs.eventloop.utilization',
    unit: '1',
    says: 'Part of the time since the last export in which the event loop was at work.',
    attributes: [],
  },
  gcSeconds: {
    ...byRuntimeNode,
    name: 'v8js.gc.duration',
    kind: 'histogram',
    unit: 's',
    says: 'Garbage collections by kind: minor, major, incremental, weakcb.',
    attributes: ['v8js.gc.type'],
  },
  heapUsed: {
    ...byRuntimeNode,
    ...gauge,
    name: 'v8js.memory.heap.used',
    unit: 'By',
    says: 'JavaScript memory in use, by heap space.',
    attributes: ofHeapSpace,
  },
  heapSize: {
    ...byRuntimeNode,
    kind: 'up-down counter',
    name: 'v8js.memory.heap.space.size',
    unit: 'By',
    says: 'JavaScript memory reserved, by heap space.',
    attributes: ofHeapSpace,
  },
  heapAvailable: {
    ...byRuntimeNode,
    ...gauge,
    name: 'v8js.memory.heap.space.available_size',
    unit: 'By',
    says: 'JavaScript memory left, by heap space.',
    attributes: ofHeapSpace,
  },
  heapPhysical: {
    ...byRuntimeNode,
    ...gauge,
    name: 'v8js.memory.heap.space.physical_size',
    unit: 'By',
    says: 'JavaScript memory committed, by heap space.',
    attributes: ofHeapSpace,
  },
  activeResources: {
    ...byRuntimeNode,
    ...gauge,
    name: 'v8js.resource.active',
    unit: '{resource}',
    says: 'What keeps the event loop alive, by kind: sockets, timers, message ports …',
    attributes: ['v8js.resource.type'],
  },
  processCpuTime: {
    ...byHostMetrics,
    ...counter,
    name: 'process.cpu.time',
    unit: 's',
    says: 'CPU time of the process with its thread lanes, by mode: user or system.',
    attributes: ['cpu.mode'],
  },
  processCpuUtilization: {
    ...byHostMetrics,
    ...gauge,
    name: 'process.cpu.utilization',
    unit: '1',
    says: 'The same since the last export, as part of all cores.',
    attributes: ['cpu.mode'],
  },
  processMemory: {
    ...byHostMetrics,
    ...gauge,
    name: 'process.memory.usage',
    unit: 'By',
    says: 'Resident memory of the process with its thread lanes.',
    attributes: [],
  },
  processDisk: {
    ...counter,
    name: 'process.disk.io',
    unit: 'By',
    says: 'What the process had read from and written to disks, by direction. Linux.',
    attributes: ['disk.io.direction'],
  },
  processFiles: {
    ...gauge,
    name: 'process.unix.file_descriptor.count',
    unit: '{file_descriptor}',
    says: 'Files and sockets that the process holds open. Linux.',
    attributes: [],
  },
  processThreads: {
    ...gauge,
    name: 'process.thread.count',
    unit: '{thread}',
    says: 'Threads of the process, including lanes and ONNX Runtime. Linux.',
    attributes: [],
  },
  processUptime: {
    ...gauge,
    name: 'process.uptime',
    unit: 's',
    says: 'How long the process has run.',
    attributes: [],
  },
  systemCpuTime: {
    ...byHostMetrics,
    ...counter,
    name: 'system.cpu.time',
    unit: 's',
    says: 'CPU time of the machine by core and mode.',
    attributes: ofProcessor,
  },
  systemCpuUtilization: {
    ...byHostMetrics,
    ...gauge,
    name: 'system.cpu.utilization',
    unit: '1',
    says: 'The same since the last export, as part of each core’s time.',
    attributes: ofProcessor,
  },
  systemMemory: {
    ...byHostMetrics,
    ...gauge,
    name: 'system.memory.usage',
    unit: 'By',
    says: 'Memory of the machine by state: used or free (what could be had without swapping).',
    attributes: ['system.memory.state'],
  },
  systemMemoryUtilization: {
    ...byHostMetrics,
    ...gauge,
    name: 'system.memory.utilization',
    unit: '1',
    says: 'The same as part of all memory.',
    attributes: ['system.memory.state'],
  },
  systemNetwork: {
    ...counter,
    name: 'system.network.io',
    unit: 'By',
    says: 'Bytes over each network interface but loopback, by direction. Linux.',
    attributes: ofNetwork,
  },
  systemNetworkErrors: {
    ...counter,
    name: 'system.network.errors',
    unit: '{error}',
    says: 'Errors of each network interface. Linux.',
    attributes: ofNetwork,
  },
  systemNetworkDropped: {
    ...counter,
    name: 'system.network.packet.dropped',
    unit: '{packet}',
    says: 'Packets that each network interface dropped. Linux.',
    attributes: ofNetwork,
  },
  systemDisk: {
    ...counter,
    name: 'system.disk.io',
    unit: 'By',
    says: 'Bytes read from and written to each disk. Linux.',
    attributes: ['system.device', 'disk.io.direction'],
  },
  dataDisk: {
    ...gauge,
    name: 'system.filesystem.usage',
    unit: 'By',
    says: 'The file system that VITRINE_DATA is on, by state: used, free, reserved (for root).',
    attributes: ['system.filesystem.state'],
  },
  dataDiskUtilization: {
    ...gauge,
    name: 'system.filesystem.utilization',
    unit: '1',
    says: 'The used part, of what this user could use.',
    attributes: [],
  },
} as const satisfies Record<string, Metric>;
