import type { Context } from 'mocha';

/** What the test needs, or the test skipped with the reason why this machine does not have it. */
export function availableOrSkip<Needed extends object>(
  test: Context,
  needed: Needed | { unavailable: string },
): Exclude<Needed, { unavailable: string }> {
  if ('unavailable' in needed) {
    console.log(`      skipped: ${needed.unavailable}`);
    test.skip();
  }
  return needed as Exclude<Needed, { unavailable: string }>;
}
