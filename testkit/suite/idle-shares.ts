import { cpus } from 'node:os';

/** Answers at each call which share of all processors was idle since the one before. */
export function idleShares(): () => number {
  let before = times();
  return () => {
    const now = times();
    const share = (now.idle - before.idle) / Math.max(1, now.all - before.all);
    before = now;
    return share;
  };
}

function times(): { idle: number; all: number } {
  const sums = { idle: 0, all: 0 };
  for (const { times: of } of cpus()) {
    sums.idle += of.idle;
    sums.all += of.user + of.nice + of.sys + of.idle + of.irq;
  }
  return sums;
}
