import { type StageName, stageNames, TimeAccount } from '../../src/telemetry/time-account.ts';

/** A time account that was closed with these stages; the others took no time. */
export function accountOf(startedAt: number, stages: Partial<Record<StageName, number>>): TimeAccount {
  const numbers = Float64Array.from(stageNames, (stage) => stages[stage] ?? 0);
  return TimeAccount.read(startedAt, numbers, 0);
}
