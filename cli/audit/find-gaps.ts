import type { Bounds } from './counted.ts';

/** More was made than is stored, at least so much. */
export type Gap = { readonly fromMs: number; readonly toMs: number; readonly count: number };

export type Compared = {
  /** Moments at which both sides can be cut: the exports of a sender. */
  readonly edgesMs: readonly number[];
  readonly made: (fromMs: number, toMs: number) => Bounds;
  readonly stored: (fromMs: number, toMs: number) => Promise<Bounds>;
  /** No gap is looked for in less than this. */
  readonly leafMs: number;
};

/**
 * Where something is missing. A time in which both sides agree costs one question; one in which
 * they do not is halved, down to a minute. Each gap is certain: what may belong to either side of
 * an edge counts as stored.
 */
export async function findGaps(compared: Compared): Promise<Gap[]> {
  const { edgesMs } = compared;
  const gaps: Gap[] = [];
  let first = 0;
  // By the hour: more copies than lines in one hour must not hide a loss in another.
  for (let at = 1; at < edgesMs.length; at += 1) {
    const isHour = edgesMs[at]! - edgesMs[first]! >= 3_600_000;
    if (!isHour && at < edgesMs.length - 1) continue;
    gaps.push(...(await gapsWithin(compared, first, at)));
    first = at;
  }
  return gaps;
}

async function gapsWithin(compared: Compared, first: number, last: number): Promise<Gap[]> {
  const { edgesMs, made, stored, leafMs } = compared;
  const [fromMs, toMs] = [edgesMs[first]!, edgesMs[last]!];
  const { min } = made(fromMs, toMs);
  if (min === 0) return [];
  const missing = min - (await stored(fromMs, toMs)).max;
  if (missing <= 0) return [];
  if (toMs - fromMs <= leafMs || last - first < 2) return [{ fromMs, toMs, count: missing }];
  const middle = middleOf(edgesMs, first, last);
  const parts = [...(await gapsWithin(compared, first, middle)), ...(await gapsWithin(compared, middle, last))];
  const rest = missing - parts.reduce((sum, { count }) => sum + count, 0);
  return rest > 0 ? [...parts, { fromMs, toMs, count: rest }] : parts;
}

/** The edge nearest to the middle, and neither end. */
function middleOf(edgesMs: readonly number[], first: number, last: number): number {
  const wanted = (edgesMs[first]! + edgesMs[last]!) / 2;
  let best = first + 1;
  for (let at = first + 1; at < last; at += 1)
    if (Math.abs(edgesMs[at]! - wanted) < Math.abs(edgesMs[best]! - wanted)) best = at;
  return best;
}
