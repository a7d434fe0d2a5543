import type { TaskWaits } from '../observe/flight/flight-record.ts';
import type { Span } from '../spans-of-time.ts';

/** Of a task with more of them the shortest are only added up. */
const spansMax = 256;
/** A lane that is idle takes about as long to begin. */
const waitMsMin = 0.5;

/** When a task waited for lanes, so that each wait can be charged to the batches that held them. */
export class LaneWaits {
  readonly #spans: Span[] = [];
  #otherMs = 0;

  /** In milliseconds since the epoch. */
  add(fromMs: number, toMs: number): void {
    if (toMs - fromMs < waitMsMin) return;
    const { timeOrigin } = performance;
    this.#spans.push({ from: fromMs - timeOrigin, to: toMs - timeOrigin });
    if (this.#spans.length <= 2 * spansMax) return;
    this.#spans.sort((one, other) => other.to - other.from - (one.to - one.from));
    for (const { from, to } of this.#spans.splice(spansMax)) this.#otherMs += to - from;
  }

  /** As the flight recorder stores them. */
  found(): TaskWaits | undefined {
    if (this.#spans.length === 0) return undefined;
    const sorted = this.#spans.sort((one, other) => one.from - other.from);
    return { times: Float64Array.from(sorted.flatMap(({ from, to }) => [from, to])), otherMs: this.#otherMs };
  }
}
