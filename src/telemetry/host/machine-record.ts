import { IntervalRing } from '../../interval-ring.ts';

/**
 * What happened to the process and to its machine, by time: read a few times a second, whatever the
 * load, and joined with a request when somebody asks about it. Times are in the milliseconds of
 * performance.now().
 */
export class MachineRecord {
  /**
   * The event loop had no idle moment. `cpuMs`: what its thread had of the CPU. `runQueueMs`: how
   * long it was ready and another had the CPU.
   */
  readonly holds = new IntervalRing(['cpuMs', 'runQueueMs'], holdsMax);
  readonly collections = new IntervalRing(['kind'], collectionsMax);
  readonly samples = new IntervalRing(sampleFacts, samplesMax);
  /** Clocks of a GPU were held down; `device` and `reasons` are numbers of the names below. */
  readonly gpuThrottles = new IntervalRing(['device', 'reasons'], holdsMax);
  readonly gpuDevices: string[] = [];
  readonly gpuReasons: string[] = [];
  readonly #readers: (() => void)[] = [];

  /** Called before a question, so that the last moments are in it too. */
  readBy(read: () => void): void {
    this.#readers.push(read);
  }

  refresh(): void {
    for (const read of this.#readers) read();
  }
}

/** Differences between two readings, added up over all cores where there are several. */
export const sampleFacts = [
  /** The cgroup's quota was used up. */
  'throttledMs',
  /** The hypervisor gave the CPU to another machine. */
  'stealMs',
  'busyMs',
  'idleMs',
  /** CPU time of the process, all its threads. */
  'ownMs',
  /** Some task of the machine waited for a disk. */
  'ioMs',
  'cores',
] as const;
export type SampleFact = (typeof sampleFacts)[number];

const holdsMax = 4096;
const collectionsMax = 8192;
/** An hour, at two a second. */
const samplesMax = 7_200;
