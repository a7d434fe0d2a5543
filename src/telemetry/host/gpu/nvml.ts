import koffi from 'koffi';

// NVIDIA's management library, as it is: one function here for each of its own, its units, its
// codes. The only file that calls foreign code. Never imported by the service's process: a call
// into the driver can hang or crash, so a process of its own makes them (gpu/reader-program.ts).

/** What the driver answered: a value, or why there is none. */
export type Answer<Value> = { is: 'value'; value: Value } | { is: 'refused'; code: RefusalCode };

const refusals = {
  1: 'uninitialized',
  2: 'invalid_argument',
  3: 'not_supported',
  4: 'no_permission',
  6: 'not_found',
  7: 'insufficient_size',
  8: 'insufficient_power',
  9: 'driver_not_loaded',
  10: 'timeout',
  11: 'interrupt_trouble',
  12: 'library_not_found',
  13: 'function_not_found',
  14: 'corrupted_inforom',
  15: 'gpu_is_lost',
  16: 'reset_required',
  17: 'operating_system',
  18: 'driver_and_library_differ',
  19: 'in_use',
  20: 'memory',
  21: 'no_data',
  999: 'unknown',
} as const;

export type RefusalCode = (typeof refusals)[keyof typeof refusals];

/** Valid until the library is stopped. */
export type DeviceHandle = { readonly pointer: unknown };

/** `usedBytes` is absent where the driver keeps it from us. */
export type GpuProcess = { pid: number; usedBytes: number | undefined };

export const clockTypes = { graphics: 0, sm: 1, memory: 2, video: 3 } as const;

/** Counts over the life of the device, not since the last restart. */
export const eccTypes = { corrected: 0, uncorrected: 1 } as const;

export type Nvml = {
  start(): Answer<undefined>;
  stop(): Answer<undefined>;
  driverVersion(): Answer<string>;
  deviceCount(): Answer<number>;
  device(index: number): Answer<DeviceHandle>;
  name(device: DeviceHandle): Answer<string>;
  uuid(device: DeviceHandle): Answer<string>;
  /** Per cent of the driver's last sample period. */
  utilization(device: DeviceHandle): Answer<number>;
  memory(device: DeviceHandle): Answer<{ totalBytes: number; usedBytes: number }>;
  powerMilliwatts(device: DeviceHandle): Answer<number>;
  powerLimitMilliwatts(device: DeviceHandle): Answer<number>;
  energyMillijoules(device: DeviceHandle): Answer<number>;
  temperatureCelsius(device: DeviceHandle): Answer<number>;
  clockMegahertz(device: DeviceHandle, type: keyof typeof clockTypes): Answer<number>;
  /** A bit for each reason. */
  throttleReasons(device: DeviceHandle): Answer<bigint>;
  eccErrors(device: DeviceHandle, type: keyof typeof eccTypes): Answer<number>;
  /** Both compute and graphics processes, each once: Vulkan's compute counts as graphics. */
  processes(device: DeviceHandle): Answer<GpuProcess[]>;
};

type ParameterType = Parameters<typeof koffi.sizeof>[0];

const uint = koffi.types.uint;
const uint64 = koffi.types.uint64;
const int = koffi.types.int;
const devicePointer = koffi.pointer(koffi.opaque());
const utilizationRates = koffi.struct({ gpu: uint, memory: uint });
const memoryInfo = koffi.struct({ total: uint64, free: uint64, used: uint64 });
const processInfo = koffi.struct({ pid: uint, usedBytes: uint64, gpuInstance: uint, computeInstance: uint });
const outUint = koffi.out(koffi.pointer(uint));
const outUint64 = koffi.out(koffi.pointer(uint64));

const textBytesMax = 96;
const processesMax = 4096;
const chipSensor = 0;
const aggregateCounter = 1;
const bytesNotAvailable = 2n ** 64n - 1n;

/**
 * Loads the library; throws when the system's loader cannot. Starting it is another matter:
 * `start`.
 */
export function openNvml(library: string): Nvml {
  const handle = koffi.load(library);

  /**
   * The first of these names that the library has: older drivers know some functions by another one,
   * or not at all.
   */
  const bind = (names: readonly string[], ...parameters: ParameterType[]) => {
    for (const name of names) {
      try {
        return handle.func(name, int, parameters) as (...given: unknown[]) => number;
      } catch (error) {
        if (!(error instanceof Error && /cannot find function/i.test(error.message))) throw error;
      }
    }
    return () => 13;
  };
  const textOf = (call: (...given: unknown[]) => number) => (device: DeviceHandle) => readText(call, device.pointer);
  const numberOf = (call: (...given: unknown[]) => number) => (device: DeviceHandle) =>
    readNumber(call, device.pointer);
  const processesOf = (call: (...given: unknown[]) => number) => (device: DeviceHandle) => readProcesses(call, device);

  const init = bind(['nvmlInit_v2', 'nvmlInit']);
  const shutdown = bind(['nvmlShutdown']);
  const driverVersion = bind(['nvmlSystemGetDriverVersion'], koffi.pointer('char'), uint);
  const count = bind(['nvmlDeviceGetCount_v2', 'nvmlDeviceGetCount'], outUint);
  const byIndex = bind(
    ['nvmlDeviceGetHandleByIndex_v2', 'nvmlDeviceGetHandleByIndex'],
    uint,
    koffi.out(koffi.pointer(devicePointer)),
  );
  const utilization = bind(
    ['nvmlDeviceGetUtilizationRates'],
    devicePointer,
    koffi.out(koffi.pointer(utilizationRates)),
  );
  const memory = bind(['nvmlDeviceGetMemoryInfo'], devicePointer, koffi.out(koffi.pointer(memoryInfo)));
  const temperature = bind(['nvmlDeviceGetTemperature'], devicePointer, int, outUint);
  const clock = bind(['nvmlDeviceGetClockInfo'], devicePointer, int, outUint);
  const throttle = bind(
    ['nvmlDeviceGetCurrentClocksEventReasons', 'nvmlDeviceGetCurrentClocksThrottleReasons'],
    devicePointer,
    outUint64,
  );
  const ecc = bind(['nvmlDeviceGetTotalEccErrors'], devicePointer, int, int, outUint64);
  const processList = [devicePointer, koffi.inout(koffi.pointer(uint)), koffi.pointer(processInfo)] as const;
  const computeProcesses = processesOf(
    bind(['nvmlDeviceGetComputeRunningProcesses_v3', 'nvmlDeviceGetComputeRunningProcesses_v2'], ...processList),
  );
  const graphicsProcesses = processesOf(
    bind(['nvmlDeviceGetGraphicsRunningProcesses_v3', 'nvmlDeviceGetGraphicsRunningProcesses_v2'], ...processList),
  );

  return {
    start: () => answer(init(), () => undefined),
    stop: () => answer(shutdown(), () => undefined),
    driverVersion: () => readText(driverVersion),
    deviceCount: () => readNumber(count),
    device: (index) => {
      const out = [null];
      return answer(byIndex(index, out), () => ({ pointer: out[0] }));
    },
    name: textOf(bind(['nvmlDeviceGetName'], devicePointer, koffi.pointer('char'), uint)),
    uuid: textOf(bind(['nvmlDeviceGetUUID'], devicePointer, koffi.pointer('char'), uint)),
    utilization: (device) => {
      const out = { gpu: 0, memory: 0 };
      return answer(utilization(device.pointer, out), () => out.gpu);
    },
    memory: (device) => {
      const out = { total: 0, free: 0, used: 0 };
      return answer(memory(device.pointer, out), () => ({
        totalBytes: Number(out.total),
        usedBytes: Number(out.used),
      }));
    },
    powerMilliwatts: numberOf(bind(['nvmlDeviceGetPowerUsage'], devicePointer, outUint)),
    powerLimitMilliwatts: numberOf(bind(['nvmlDeviceGetEnforcedPowerLimit'], devicePointer, outUint)),
    energyMillijoules: numberOf(bind(['nvmlDeviceGetTotalEnergyConsumption'], devicePointer, outUint64)),
    temperatureCelsius: (device) => readNumber(temperature, device.pointer, chipSensor),
    clockMegahertz: (device, type) => readNumber(clock, device.pointer, clockTypes[type]),
    throttleReasons: (device) => {
      const out: (number | bigint)[] = [0];
      return answer(throttle(device.pointer, out), () => BigInt(out[0] ?? 0));
    },
    eccErrors: (device, type) => readNumber(ecc, device.pointer, eccTypes[type], aggregateCounter),
    processes: (device) => {
      const lists = [computeProcesses(device), graphicsProcesses(device)];
      const known = lists.flatMap((list) => (list.is === 'value' ? list.value : []));
      const refused = lists.find((list) => list.is === 'refused');
      if (refused && lists.every((list) => list.is === 'refused')) return refused;
      return { is: 'value', value: [...new Map(known.map((process) => [process.pid, process])).values()] };
    },
  };
}

/**
 * Has the system end this process when the one that started it ends, even inside a call that hangs.
 * Where the system cannot (it is Linux that can), the process still goes when it next looks up.
 * Here, because this is the one home of foreign calls.
 */
export function endWithParent(parentId: number): void {
  if (process.platform !== 'linux') return;
  const setParentDeathSignal = 1;
  const kill = 9;
  const unsignedLong = koffi.types.ulong;
  const prctl = koffi.load(null).func('prctl', int, [int, unsignedLong, unsignedLong, unsignedLong, unsignedLong]);
  if (prctl(setParentDeathSignal, kill, 0, 0, 0) !== 0) {
    throw new Error(`Cannot tie this process to its parent: prctl failed with error number ${koffi.errno()}`);
  }
  // It may have ended just before.
  if (process.ppid !== parentId) process.exit();
}

function answer<Value>(code: number, value: () => Value): Answer<Value> {
  if (code === 0) return { is: 'value', value: value() };
  return { is: 'refused', code: code in refusals ? refusals[code as keyof typeof refusals] : 'unknown' };
}

function readNumber(call: (...given: unknown[]) => number, ...given: unknown[]): Answer<number> {
  const out: (number | bigint)[] = [0];
  return answer(call(...given, out), () => Number(out[0]));
}

function readText(call: (...given: unknown[]) => number, ...given: unknown[]): Answer<string> {
  const out = Buffer.alloc(textBytesMax);
  return answer(call(...given, out, out.length), () => out.toString('utf8', 0, Math.max(0, out.indexOf(0))));
}

/**
 * The list can grow between the asking how long it is and the reading, so there is room to spare
 * and a second try.
 */
function readProcesses(call: (...given: unknown[]) => number, device: DeviceHandle): Answer<GpuProcess[]> {
  let room = 16;
  for (;;) {
    const length = [room];
    const bytes = Buffer.alloc(koffi.sizeof(processInfo) * room);
    const read = answer(call(device.pointer, length, bytes), () => length[0] ?? 0);
    if (read.is === 'value') return { is: 'value', value: processesIn(bytes, read.value) };
    if (read.code !== 'insufficient_size' || room >= processesMax) return read;
    room = Math.min(processesMax, Math.max(room * 2, (length[0] ?? 0) + 16));
  }
}

function processesIn(bytes: Buffer, length: number): GpuProcess[] {
  const size = koffi.sizeof(processInfo);
  return Array.from({ length }, (_, index) => {
    const usedBytes = bytes.readBigUInt64LE(index * size + koffi.offsetof(processInfo, 'usedBytes'));
    return {
      pid: bytes.readUInt32LE(index * size + koffi.offsetof(processInfo, 'pid')),
      usedBytes: usedBytes === bytesNotAvailable ? undefined : Number(usedBytes),
    };
  });
}
