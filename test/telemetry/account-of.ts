import type { Arrival } from '../../src/engine/inference.ts';
import { type StageName, stageNames, TimeAccount } from '../../src/observe/time-account.ts';

/** A time account that was closed with these stages; the others took no time. */
export function accountOf(
  startedAt: number,
  stages: Partial<Record<StageName, number>>,
  given: { tookMs?: number; arrival?: Arrival | undefined } = {},
): TimeAccount {
  const { waiting, waitingBytes, running, predictedWaitMs } = given.arrival ?? none;
  const numbers = stageNames.map((stage) => stages[stage] ?? 0);
  return TimeAccount.read(
    Float64Array.from([...numbers, startedAt, given.tookMs ?? 0, waiting, waitingBytes, running, predictedWaitMs]),
    0,
  );
}

const none: Arrival = {
  waiting: Number.NaN,
  waitingBytes: Number.NaN,
  running: Number.NaN,
  predictedWaitMs: Number.NaN,
};
