import { setTimeout as pause } from 'node:timers/promises';
import type { Duration, FailingDisk } from './failing-disk.ts';

/** What a scripted run has to work with. */
export type Ground = {
  /** Every call below it is counted and may fail. */
  folder: string;
  /**
   * The same folder by another name: what the test itself does there is neither counted nor fails.
   */
  alias: string;
  disk: FailingDisk;
  /**
   * Waits for something that a working disk lets happen: when it takes too long the disk is mended,
   * and it has to.
   */
  until(what: string, check: () => boolean | Promise<boolean>): Promise<void>;
  /** Does it, and once more on a mended disk when it could not be done: it has to say why. */
  start<T>(act: () => T | Promise<T>): Promise<T>;
  /** How long to wait for something before a lasting failure is mended. */
  patienceMs: number;
  /** What was said of failures. */
  said: string[];
};

/** A scripted run of one part; it throws when something was lost, done twice or not said. */
export type Scenario = {
  name: string;
  run(ground: Ground): Promise<void>;
  /** Those that are tried; all of them where nothing is said. */
  durations?: readonly Duration[];
  patienceMs?: number;
  deadlineMs?: number;
  /** It takes seconds a run: only those who name it get it. */
  byNameOnly?: boolean;
};

export function groundOf(scenario: Scenario, folder: string, alias: string, disk: FailingDisk): Ground {
  // Long, since a machine that does much else may take seconds for what a free one does at once.
  const { patienceMs = 250, deadlineMs = 120_000 } = scenario;
  const said: string[] = [];
  return {
    folder,
    alias,
    disk,
    patienceMs,
    said,
    until: async (what, check) => {
      const begun = performance.now();
      while (!(await check())) {
        const waitedMs = performance.now() - begun;
        if (waitedMs > patienceMs && disk.isLasting) disk.mend();
        if (waitedMs > deadlineMs) throw new Error(`Waited in vain for ${what}`);
        await pause(5);
      }
    },
    start: async (act) => {
      const endsAt = performance.now() + deadlineMs;
      for (;;) {
        try {
          return await act();
        } catch (error) {
          // A supervisor starts it again, and again.
          said.push((error as Error).message);
          if (disk.isLasting) disk.mend();
          if (performance.now() > endsAt) throw error;
          await pause(20);
        }
      }
    },
  };
}
