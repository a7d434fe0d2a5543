import type { Tensor } from '../tensor.ts';

export type StoredAnswer = {
  /** Copies: they belong to nobody, and are only read. */
  readonly outputs: readonly Tensor[];
  /** Of its outputs. */
  readonly bytes: number;
  /** What its run took of a lane: its share by rows. */
  readonly laneMs: number;
};

/** What an answer takes beside its numbers: its key, the tensors and their shapes. */
const bytesEach = 512;

/** Answers by their keys, within so many bytes; the least recently used make room. */
export class StoredAnswers {
  readonly #bytesMax: number;
  /** In the order of their last use. */
  readonly #answers = new Map<string, StoredAnswer>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#answers.size;
  }

  find(key: string): StoredAnswer | undefined {
    const answer = this.#answers.get(key);
    if (answer === undefined) return undefined;
    this.#answers.delete(key);
    this.#answers.set(key, answer);
    return answer;
  }

  /** Whether there is room for an answer of so many bytes once others have made it. */
  holds(bytes: number): boolean {
    return bytes + bytesEach <= this.#bytesMax;
  }

  /** Answers how many made room for it. One that is too large by itself is not stored. */
  add(key: string, answer: StoredAnswer): number {
    if (!this.holds(answer.bytes)) return 0;
    const bytes = answer.bytes + bytesEach;
    this.#remove(key);
    let removed = 0;
    for (const oldest of this.#answers.keys()) {
      if (this.#bytes + bytes <= this.#bytesMax) break;
      this.#remove(oldest);
      removed += 1;
    }
    this.#answers.set(key, answer);
    this.#bytes += bytes;
    return removed;
  }

  clear(): void {
    this.#answers.clear();
    this.#bytes = 0;
  }

  #remove(key: string): void {
    const answer = this.#answers.get(key);
    if (answer === undefined) return;
    this.#answers.delete(key);
    this.#bytes -= answer.bytes + bytesEach;
  }
}
