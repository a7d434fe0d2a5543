import { type ComparedRequests, setsOf, slowestFrom } from './compared-sets.ts';
import { type Difference, differencesOf } from './tell-apart.ts';

/** What two sets are compared by. */
export type Comparison = {
  readonly requests: ComparedRequests;
  /** The first set: the slowest so many percent of all that are in it. */
  readonly slowestPercent: number | undefined;
};

export type Compared = {
  readonly first: number;
  readonly second: number;
  /** With slowestPercent: what the first set took at least. */
  readonly slowerThanMs: number | undefined;
  readonly differences: readonly Difference[];
};

/** Takes up to 0.2 s of CPU for ten thousand requests: it belongs in a thread. */
export function compareRequests({ requests, slowestPercent }: Comparison): Compared {
  const slowerThanMs = slowestPercent === undefined ? undefined : slowestFrom(requests, slowestPercent);
  const sets = setsOf(requests, slowerThanMs);
  return { first: sets.first, second: sets.second, slowerThanMs, differences: differencesOf(sets) };
}
