/** In MiB, once the garbage is collected. */
export type Memory = {
  /** What JavaScript holds on to: its objects, and buffers outside its heap. */
  readonly liveMib: number;
  /** What the process holds, with what its allocators keep for later. */
  readonly residentMib: number;
};

/**
 * Rounds of a thousand until what is kept of requests is full: the flight recorder's ten thousand
 * are the end.
 */
export const warmUpRounds = 12;
/** Rounds that are compared: what is in flight in one of them is not in all. */
export const comparedRounds = 5;
/** A kilobyte that is left of each input is beyond it after 16 000 inputs. */
const liveMibMax = 16;
/**
 * Buffers of 8 MiB that come and go leave holes in the heaps of glibc, of which there are eight a
 * core; they fill up slowly.
 */
const residentMibMax = 256;

/**
 * What is wrong with the course of memory, one figure a round; undefined: nothing, or too few
 * rounds.
 */
export function growthIn(rounds: readonly Memory[]): string | undefined {
  const warm = rounds.slice(warmUpRounds);
  if (warm.length < 2 * comparedRounds) return undefined;
  const first = leastOf(warm.slice(0, comparedRounds));
  const last = leastOf(warm.slice(-comparedRounds));
  for (const [figure, max] of [
    ['liveMib', liveMibMax],
    ['residentMib', residentMibMax],
  ] as const)
    if (last[figure] - first[figure] > max)
      return `memory grows: ${figure} was ${first[figure]} after the warm-up and is ${last[figure]}, more than ${max} above it`;
  return undefined;
}

function leastOf(rounds: readonly Memory[]): Memory {
  return {
    liveMib: Math.min(...rounds.map(({ liveMib }) => liveMib)),
    residentMib: Math.min(...rounds.map(({ residentMib }) => residentMib)),
  };
}
