import { pauseUnless } from '../../resilience/pause-unless.ts';

const waitMsMin = 100;
const waitMsMax = 2_000;

/**
 * Waits before the next attempt, the longer the more have failed. Full jitter: a fleet whose
 * Collector comes back does not arrive all at once.
 */
export async function backOff(failures: number, stop: AbortSignal): Promise<void> {
  const ceilingMs = Math.min(waitMsMax, waitMsMin * 2 ** Math.min(failures, 16));
  const waitMs = waitMsMin / 2 + Math.random() * ceilingMs;
  await pauseUnless(stop, waitMs, { ref: false });
}
