import { setTimeout as pause } from 'node:timers/promises';
import type { FailingDisk } from './failing-disk.ts';

/** What a scripted run has to work with. */
export type Ground = {
  /** Every call below it is counted and may fail. */
  folder: string;
  /** The same folder by another name: what the test itself does there is neither counted nor fails. */
  alias: string;
  disk: FailingDisk;
  /** Waits for something that a working disk lets happen: when it takes too long the disk is mended, and it has to. */
  until(what: string, check: () => boolean | Promise<boolean>): Promise<void>;
  /** Does it, and once more on a mended disk when it could not be done: it has to say why. */
  start<T>(act: () => T | Promise<T>): Promise<T>;
  /** What was said of failures. */
  said: string[];
};

/** A scripted run of one part; it throws when something was lost, done twice or not said. */
export type Scenario = { name: string; run(ground: Ground): Promise<void> };

const patienceMs = 250;
const deadlineMs = 20_000;

export function groundOf(folder: string, alias: string, disk: FailingDisk): Ground {
  const said: string[] = [];
  return {
    folder,
    alias,
    disk,
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
