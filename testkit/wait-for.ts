import { setTimeout as pause } from 'node:timers/promises';

/**
 * Asks until the answer is there: `check` returns it, or undefined/false while it is not. A check
 * that throws counts as not yet, and its last error is the cause when the deadline passes.
 */
export async function waitFor<T>(
  what: string,
  check: () => Promise<T | undefined | false> | T | undefined | false,
  { deadlineMs = 30_000, everyMs = 100 }: { deadlineMs?: number; everyMs?: number } = {},
): Promise<T> {
  const endsAt = performance.now() + deadlineMs;
  let lastError: unknown;
  while (performance.now() < endsAt) {
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    await pause(everyMs);
  }
  throw new Error(`Waited ${deadlineMs} ms in vain for ${what}`, { cause: lastError });
}
