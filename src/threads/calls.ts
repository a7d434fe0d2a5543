/** What was asked of the other end and has no answer yet. */
export class Calls {
  readonly #waiting = new Map<number, { resolve(answer: never): void; reject(error: unknown): void }>();
  #made = 0;

  /** `send` gets the number that the answer has to come back with. */
  ask<Answer>(send: (call: number) => void): Promise<Answer> {
    this.#made += 1;
    const call = this.#made;
    return new Promise((resolve, reject) => {
      send(call);
      this.#waiting.set(call, { resolve, reject });
    });
  }

  /** An answer that nobody waits for any more is passed over. */
  answered(call: number, answer: unknown): void {
    this.#settle(call)?.resolve(answer as never);
  }

  failed(call: number, error: unknown): void {
    this.#settle(call)?.reject(error);
  }

  failAll(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  #settle(call: number) {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }
}
