/** So many a minute, in any rhythm: full at first, it fills up evenly. Costs no timer. */
export class TokenBucket {
  readonly perMinute: number;
  #tokens: number;
  #filledAt: number;

  constructor(perMinute: number, now: number) {
    this.perMinute = perMinute;
    this.#tokens = perMinute;
    this.#filledAt = now;
  }

  /** 0: taken. Else the milliseconds until there is one again. */
  take(now: number): number {
    this.#fill(now);
    if (this.#tokens < 1) return Math.ceil(((1 - this.#tokens) * 60_000) / this.perMinute);
    this.#tokens -= 1;
    return 0;
  }

  /** Takes as many of so many as there are. */
  takeUpTo(wanted: number, now: number): number {
    this.#fill(now);
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** What was taken and not used. */
  putBack(count: number): void {
    this.#tokens = Math.min(this.perMinute, this.#tokens + count);
  }

  /** Milliseconds until there is one. */
  get waitMs(): number {
    return Math.max(0, Math.ceil(((1 - this.#tokens) * 60_000) / this.perMinute));
  }

  /** Whole tokens left. */
  get remaining(): number {
    return Math.floor(this.#tokens);
  }

  /** Whole tokens at this moment. */
  leftAt(now: number): number {
    this.#fill(now);
    return this.remaining;
  }

  /** Seconds until it is full again, if nothing more is taken. */
  get fullInSeconds(): number {
    return Math.ceil(((this.perMinute - this.#tokens) * 60) / this.perMinute);
  }

  isFull(now: number): boolean {
    this.#fill(now);
    return this.#tokens >= this.perMinute;
  }

  #fill(now: number): void {
    const filled = this.#tokens + ((now - this.#filledAt) * this.perMinute) / 60_000;
    this.#tokens = Math.min(filled, this.perMinute);
    this.#filledAt = now;
  }
}
