type State =
  | { readonly kind: 'closed'; readonly failures: number }
  | { readonly kind: 'open'; readonly untilAt: number }
  /** One attempt is out to see whether it works again. */
  | { readonly kind: 'half_open'; readonly sinceAt: number };

/**
 * Stops asking what has failed several times in a row, and tries it once after a while. It guards
 * no call itself: the caller asks `admit` first and reports the outcome, which costs a hot path two
 * comparisons.
 */
export class Breaker {
  readonly #failuresMax: number;
  readonly #openMs: number;
  readonly #now: () => number;
  #state: State = { kind: 'closed', failures: 0 };

  constructor(options: { failuresMax: number; openMs: number; now?: () => number }) {
    this.#failuresMax = options.failuresMax;
    this.#openMs = options.openMs;
    this.#now = options.now ?? (() => performance.now());
  }

  get state(): State['kind'] {
    return this.#state.kind;
  }

  /** 0: go ahead, and report the outcome. Else the milliseconds until the next try. */
  admit(): number {
    const state = this.#state;
    switch (state.kind) {
      case 'closed':
        return 0;
      case 'open': {
        const waitMs = state.untilAt - this.#now();
        if (waitMs > 0) return waitMs;
        this.#state = { kind: 'half_open', sinceAt: this.#now() };
        return 0;
      }
      case 'half_open': {
        // An attempt without an outcome (its caller left) must not keep the breaker here for ever.
        const waitMs = state.sinceAt + this.#openMs - this.#now();
        if (waitMs > 0) return waitMs;
        this.#state = { kind: 'half_open', sinceAt: this.#now() };
        return 0;
      }
    }
  }

  succeeded(): void {
    const state = this.#state;
    if (state.kind !== 'closed' || state.failures > 0) this.#state = { kind: 'closed', failures: 0 };
  }

  failed(): void {
    const state = this.#state;
    const failures = state.kind === 'closed' ? state.failures + 1 : this.#failuresMax;
    this.#state =
      failures >= this.#failuresMax
        ? { kind: 'open', untilAt: this.#now() + this.#openMs }
        : { kind: 'closed', failures };
  }
}
