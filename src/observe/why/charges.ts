import { lengthOf, type Span, within, without } from '../../spans-of-time.ts';
import type { Cause } from '../../telemetry/names/causes.ts';

/** Milliseconds of one request by cause. Each moment is charged once. */
export class Charges {
  readonly #ms = new Map<Cause, number>();

  charge(cause: Cause, ms: number): void {
    if (ms > 0) this.#ms.set(cause, this.of(cause) + ms);
  }

  /** Charges what of `left` lies in `cover`; answers what is left then. */
  take(cause: Cause, left: readonly Span[], cover: readonly Span[]): Span[] {
    this.charge(cause, lengthOf(within(left, cover)));
    return without(left, cover);
  }

  of(cause: Cause): number {
    return this.#ms.get(cause) ?? 0;
  }

  get all(): { readonly cause: Cause; readonly ms: number }[] {
    return [...this.#ms].map(([cause, ms]) => ({ cause, ms }));
  }
}
