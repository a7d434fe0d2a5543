/** The time that is gone by, and what is done later. The batcher of a replay has one of its own. */
export type Clock = {
  /** In milliseconds. */
  now(): number;
  /** Once the requests that are being read are all there. */
  soon(act: () => void): void;
  after(ms: number, act: () => void): Timer;
  clear(timer: Timer | undefined): void;
};

export type Timer = object;

/** The time of the machine. */
export const machineClock: Clock = {
  now: () => performance.now(),
  soon: (act) => void setImmediate(act),
  after: (ms, act) => setTimeout(act, ms),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};
