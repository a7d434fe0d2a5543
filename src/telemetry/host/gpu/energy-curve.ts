/**
 * What a GPU used between two moments, in joules of the whole device: sharing it out among what ran
 * on it is the caller's.
 */
export type GpuEnergy =
  /**
   * By the device's counter, which moved at least twice in between. `withinJoules`: about one step of
   * the counter at either end.
   */
  | { is: 'measured'; joules: number; withinJoules: number; granularityMs: number }
  /** Too short for the counter, or there is none: average power times duration. */
  | { is: 'estimated'; joules: number; why: 'shorter_than_counter' | 'no_counter' }
  | { is: 'unknown' };

type Move = { atMs: number; joules: number };

const movesMax = 4096;
const movesForGranularity = 64;

/**
 * The steps of one energy counter, as they were seen. Between two steps the energy is taken to grow
 * evenly.
 */
export class EnergyCurve {
  #moves: Move[] = [];
  #granularityMs: number | undefined;

  add(atMs: number, joules: number): void {
    const last = this.#moves.at(-1);
    // The driver was reloaded: the counter begins again, and nothing spans the gap.
    if (last && joules < last.joules) this.#moves = [];
    // A restarted reader reports the counter: no step.
    if (last && joules === last.joules) return;
    this.#moves.push({ atMs, joules });
    this.#granularityMs = undefined;
    if (this.#moves.length > 2 * movesMax) this.#moves = this.#moves.slice(-movesMax);
  }

  /** How long the counter rests between two steps: the median of the last ones. */
  granularityMs(): number | undefined {
    this.#granularityMs ??= this.#medianGapMs();
    return this.#granularityMs;
  }

  /** `wattsNow`: what the device draws, asked only when the counter cannot say. */
  between(startMs: number, endMs: number, wattsNow: () => number | undefined): GpuEnergy {
    const granularityMs = this.granularityMs();
    const start = this.#at(startMs);
    const end = this.#at(endMs);
    if (granularityMs !== undefined && start && end && endMs >= startMs) {
      const joules = end.joules - start.joules;
      if (end.step - start.step >= 2) {
        return { is: 'measured', joules, withinJoules: start.stepJoules + end.stepJoules, granularityMs };
      }
      return { is: 'estimated', joules, why: 'shorter_than_counter' };
    }
    const watts = wattsNow();
    if (watts === undefined || endMs < startMs) return { is: 'unknown' };
    return {
      is: 'estimated',
      joules: (watts * (endMs - startMs)) / 1000,
      why: granularityMs === undefined ? 'no_counter' : 'shorter_than_counter',
    };
  }

  #medianGapMs(): number | undefined {
    const recent = this.#moves.slice(-movesForGranularity);
    const gaps = recent.slice(1).map(({ atMs }, index) => atMs - (recent[index]?.atMs ?? atMs));
    return gaps.sort((one, other) => one - other)[Math.floor(gaps.length / 2)];
  }

  /**
   * Where on the curve a moment is. Shortly after the last step, the step before it is continued: a
   * request that just ended need not wait.
   */
  #at(ms: number): { joules: number; step: number; stepJoules: number } | undefined {
    const moves = this.#moves;
    const after = firstAfter(moves, ms);
    const continued = after === moves.length;
    const from = moves[continued ? after - 2 : after - 1];
    const to = moves[continued ? after - 1 : after];
    if (!from || !to) return undefined;
    if (continued && ms - to.atMs > 2 * (this.granularityMs() ?? 0)) return undefined;
    const stepJoules = to.joules - from.joules;
    const joules = from.joules + (stepJoules * (ms - from.atMs)) / (to.atMs - from.atMs);
    return { joules, step: after, stepJoules };
  }
}

/** By halves: the moves stand in the order of time. */
function firstAfter(moves: readonly Move[], ms: number): number {
  let low = 0;
  let high = moves.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((moves[middle]?.atMs ?? 0) > ms) high = middle;
    else low = middle + 1;
  }
  return low;
}
