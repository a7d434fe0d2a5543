import { retry } from '../src/resilience/retry.ts';

/**
 * Does again what a disk, or a lack of descriptors, fails for a moment; about two seconds in all,
 * then it throws.
 */
export function patiently<T>(act: () => T | Promise<T>): Promise<T> {
  return retry(async () => act(), { attemptsMax: 7, waitMsFirst: 25, waitMsMax: 1_000, worthIt: isOfTheDisk });
}

/** A failure of the operating system; what is absent, or there already, is an answer. */
function isOfTheDisk(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) && code !== 'ENOENT' && code !== 'EEXIST';
}
