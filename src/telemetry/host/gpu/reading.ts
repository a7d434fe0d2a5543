import type { MetricName } from '../../names/names.ts';
import type { RefusalCode } from './nvml.ts';

// What the GPU reader sends to the service. Times are milliseconds of the machine's monotonic
// clock, which both share.

export type ReaderOptions = {
  library: string;
  periodMs: number;
  energyPeriodMs: number;
  /** Where the driver lists its devices; a change there is a device that was plugged in or out. */
  driverFolder: string;
  /** The service's process id: the reader does not outlive it. */
  parentId: number;
};

export type ReaderMessage =
  | { says: 'refused'; code: RefusalCode | 'not_loadable'; detail: string }
  /** Nothing to read, but not stuck either. */
  | { says: 'alive' }
  | { says: 'devices'; driver: string; devices: GpuDevice[]; closed: ClosedDevice[] }
  | { says: 'reading'; atMs: number; devices: DeviceReading[] }
  /** Only when a counter has moved. */
  | { says: 'energy'; atMs: number; joules: Record<string, number> };

export type GpuDevice = {
  hwId: string;
  name: string;
  /**
   * The driver's index: by bus position, which CUDA follows only with CUDA_DEVICE_ORDER=PCI_BUS_ID.
   */
  index: number;
};

/** A device that is there, or was, and cannot be read. */
export type ClosedDevice = { which: string; code: RefusalCode };

export type DeviceReading = {
  hwId: string;
  points: GpuPoint[];
  /** What the driver refused, except what the device does not have: that is simply absent. */
  refused: { what: string; code: RefusalCode }[];
};

export type GpuMetric = Extract<MetricName, `gpu${string}`>;

export type GpuPoint = { of: GpuMetric; value: number; labels: Record<string, string> };
