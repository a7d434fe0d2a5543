import type { Gap } from './find-gaps.ts';
import type { HoleCause } from './hole-causes.ts';

/** A cause that is known to account for so many items at most, made in this time. */
export type Evidence = {
  readonly cause: HoleCause | 'under_way';
  readonly count: number;
  /** What was made later than this is not its doing. */
  readonly untilMs: number;
  /** Beside the words of the cause: when, and how many. */
  readonly says: string;
};

export type Charged = Gap & { readonly cause: HoleCause | 'under_way'; readonly says: string };

/**
 * Charges each gap to causes, in the order of the evidence: the surest first. None is charged with
 * more than it can account for, over all gaps together.
 */
export function chargeGaps(gaps: readonly Gap[], evidence: readonly Evidence[]): Charged[] {
  const left = evidence.map(({ count }) => count);
  return gaps.flatMap((gap) => {
    let rest = gap.count;
    return evidence.flatMap(({ cause, untilMs, says }, place) => {
      const taken = gap.fromMs > untilMs ? 0 : Math.min(rest, left[place]!);
      if (taken <= 0) return [];
      rest -= taken;
      left[place]! -= taken;
      return [{ ...gap, count: taken, cause, says }];
    });
  });
}
