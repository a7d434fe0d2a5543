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
  const { code, syscall } = error as NodeJS.ErrnoException;
  // Node answers so when a folder above could not be made.
  if (code === 'ENOENT' && syscall === 'mkdir') return true;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) && code !== 'ENOENT' && code !== 'EEXIST';
}
