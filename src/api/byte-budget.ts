import { ServiceError } from '../errors.ts';

/** What all bodies in flight may take together: many callers with large bodies cannot take more memory than this. */
export class ByteBudget {
  readonly #bytesMax: number;
  #taken = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get taken(): number {
    return this.#taken;
  }

  take(bytes: number): void {
    if (this.#taken + bytes > this.#bytesMax)
      throw new ServiceError(
        'busy',
        `Cannot read the body: the bodies of the requests in flight take ${this.#taken} of ${this.#bytesMax} bytes; come again, or raise VITRINE_BODIES_BYTES_MAX.`,
        { retryAfterMs: 1000 },
      );
    this.#taken += bytes;
  }

  giveBack(bytes: number): void {
    this.#taken -= bytes;
  }
}
