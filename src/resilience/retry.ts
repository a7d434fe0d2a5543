import { setTimeout as pause } from 'node:timers/promises';

/**
 * Tries again when it throws, after a wait that doubles. The wait varies by a quarter, so that
 * callers that fail together do not return together. Throws the last error, or the signal's reason.
 */
export async function retry<T>(
  act: (attempt: number) => Promise<T>,
  options: {
    /** The first included. */
    attemptsMax: number;
    waitMsFirst: number;
    waitMsMax?: number;
    /** Of an error that will come again whatever one does: false. */
    worthIt?: (error: unknown) => boolean;
    signal?: AbortSignal;
  },
): Promise<T> {
  const { attemptsMax, waitMsFirst, waitMsMax = 60_000, worthIt = () => true, signal } = options;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await act(attempt);
    } catch (error) {
      if (attempt >= attemptsMax || !worthIt(error)) throw error;
      const waitMs = Math.min(waitMsMax, waitMsFirst * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
      await pause(waitMs, undefined, { ...(signal && { signal }) });
    }
  }
}
