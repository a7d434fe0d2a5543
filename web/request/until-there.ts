import { AskFailure } from '../asking/ask.ts';

/**
 * New telemetry takes a moment to arrive; that of an old request is there at once, or never. A 404
 * counts as not there.
 */
export async function untilThere<Found>(
  startedAt: string | undefined,
  look: () => Promise<Found | undefined>,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const isNew = startedAt === undefined || Date.now() - Date.parse(startedAt) < 60_000;
  const endsAt = Date.now() + (isNew ? 12_000 : 0);
  for (;;) {
    const found = await look().catch((error: unknown) => {
      if (error instanceof AskFailure && error.status === 404) return undefined;
      throw error;
    });
    if (found || Date.now() >= endsAt) return found;
    await pause(700, signal);
  }
}

export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('The person went elsewhere.', 'AbortError'));
    });
  });
}
