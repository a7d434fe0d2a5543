import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits, unless the signal aborts first: then it answers false. With `ref: false` the wait does not
 * keep the process alive.
 */
export async function pauseUnless(signal: AbortSignal, ms: number, options?: { ref: boolean }): Promise<boolean> {
  try {
    await pause(ms, undefined, { signal, ...options });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
