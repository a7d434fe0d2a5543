import type { BatchMember } from '../../engine/engine-observer.ts';
import type { AskedBy, BatchFacts } from '../../engine/inference.ts';
import type { Span } from '../../spans-of-time.ts';
import { isSameBatch } from '../batch-attributes.ts';

/** What many batches have in common, one object for all that come one after the other. */
type Common = Pick<BatchFacts, 'model' | 'version' | 'closedBy' | 'lane' | 'tookShortcut' | 'provider' | 'outcome'>;

const numbersEach = 11;

/** What a tenant, or a task of one, had of a batch. */
export type BatchShare = {
  /** Undefined: nobody asked for it. */
  readonly tenant: string | undefined;
  /** The task or job that it was run for; undefined for inferences. */
  readonly by: AskedBy | undefined;
  readonly rows: number;
};

/** A batch, and whose it was. */
export type StoredBatch = BatchFacts & { readonly shares: readonly BatchShare[] };

/**
 * The last so many batches, taken apart into rows of numbers and made again when somebody asks: as
 * objects of their own, remembered for minutes, they were most of what a small request left for the
 * collections of old objects.
 */
export class RecentBatches {
  readonly #max: number;
  readonly #numbers: Float64Array;
  readonly #common: Common[] = [];
  readonly #gpu: BatchFacts['gpu'][] = [];
  /** Most batches are of one tenant, whose name is all that is stored. */
  readonly #shares: (string | readonly BatchShare[] | undefined)[] = [];
  #added = 0;
  #forgottenUntil = 0;

  constructor(max: number) {
    this.#max = max;
    this.#numbers = new Float64Array(max * numbersEach);
  }

  /**
   * Answers its number among all that were added, by which it is found until as many others have
   * come.
   */
  add(batch: BatchFacts, members: readonly BatchMember[] = []): number {
    const number = this.#added;
    const row = number % this.#max;
    this.#added = number + 1;
    const numbers = this.#numbers;
    const from = row * numbersEach;
    if (row < this.#common.length) this.#forgottenUntil = numbers[from]!;
    this.#common[row] = this.#commonOf(batch, row);
    this.#gpu[row] = batch.gpu;
    this.#shares[row] = sharesOf(members);
    numbers[from] = batch.endedAt;
    numbers[from + 1] = batch.startedAt;
    numbers[from + 2] = batch.id;
    numbers[from + 3] = batch.inputs;
    numbers[from + 4] = batch.rows;
    numbers[from + 5] = batch.rowsMax;
    numbers[from + 6] = batch.sessionMs;
    numbers[from + 7] = batch.cpuMs;
    numbers[from + 8] = batch.outputBytes;
    numbers[from + 9] = batch.paddingBytes;
    numbers[from + 10] = batch.paddingShare;
    return number;
  }

  /** The end of the newest one that was forgotten; 0: none was. */
  get forgottenUntil(): number {
    return this.#forgottenUntil;
  }

  /** When it began; undefined where it is forgotten. */
  startOf(number: number): number | undefined {
    return this.#has(number) ? this.#numbers[(number % this.#max) * numbersEach + 1]! : undefined;
  }

  /** Whether it is that one, without making it again. */
  isAt(number: number, batch: BatchFacts): boolean {
    if (!this.#has(number)) return false;
    const row = number % this.#max;
    const from = row * numbersEach;
    const { model, version } = this.#common[row]!;
    return isSameBatch({ model, version, startedAt: this.#numbers[from + 1]!, id: this.#numbers[from + 2]! }, batch);
  }

  /** Undefined where it is forgotten. */
  at(number: number): BatchFacts | undefined {
    return this.#has(number) ? this.#factsIn(number % this.#max) : undefined;
  }

  #has(number: number): boolean {
    return number >= 0 && number >= this.#added - this.#max;
  }

  /**
   * Those that ran at some moment of the span, the newest first: of all models, or of one. They are
   * in order of their ends.
   */
  during({ from, to }: Span, of?: { model: string; version: string | undefined }): StoredBatch[] {
    const found: StoredBatch[] = [];
    const { length } = this.#common;
    for (let back = 1; back <= length; back += 1) {
      const row = (this.#added - back) % this.#max;
      if (this.#numbers[row * numbersEach]! <= from) break;
      if (this.#numbers[row * numbersEach + 1]! >= to) continue;
      const { model, version } = this.#common[row]!;
      if (of === undefined || (of.model === model && of.version === version)) found.push(this.#inRow(row));
    }
    return found;
  }

  #inRow(row: number): StoredBatch {
    const shares = this.#shares[row];
    const rows = this.#numbers[row * numbersEach + 4]!;
    return {
      ...this.#factsIn(row),
      shares: typeof shares === 'string' ? [{ tenant: shares, by: undefined, rows }] : (shares ?? []),
    };
  }

  #factsIn(row: number): BatchFacts {
    const numbers = this.#numbers;
    const from = row * numbersEach;
    return {
      ...this.#common[row]!,
      endedAt: numbers[from]!,
      startedAt: numbers[from + 1]!,
      id: numbers[from + 2]!,
      inputs: numbers[from + 3]!,
      rows: numbers[from + 4]!,
      rowsMax: numbers[from + 5]!,
      sessionMs: numbers[from + 6]!,
      cpuMs: numbers[from + 7]!,
      outputBytes: numbers[from + 8]!,
      paddingBytes: numbers[from + 9]!,
      paddingShare: numbers[from + 10]!,
      gpu: this.#gpu[row],
    };
  }

  /** The newest first. */
  *[Symbol.iterator](): Generator<BatchFacts> {
    const { length } = this.#common;
    for (let back = 1; back <= length; back += 1) yield this.#factsIn((this.#added - back) % this.#max);
  }

  #commonOf({ model, version, closedBy, lane, tookShortcut, provider, outcome }: BatchFacts, row: number): Common {
    const last = this.#common[row === 0 ? this.#max - 1 : row - 1];
    const isSame =
      last !== undefined &&
      last.model === model &&
      last.lane === lane &&
      last.closedBy === closedBy &&
      last.outcome === outcome &&
      last.version === version &&
      last.provider === provider &&
      last.tookShortcut === tookShortcut;
    return isSame ? last : { model, version, closedBy, lane, tookShortcut, provider, outcome };
  }
}

function sharesOf(members: readonly BatchMember[]): string | readonly BatchShare[] | undefined {
  const [first] = members;
  if (first === undefined) return undefined;
  const { tenant } = first;
  let isOne = tenant !== undefined;
  for (const member of members) isOne &&= member.tenant === tenant && member.by === undefined;
  if (isOne) return tenant;
  const shares: { tenant: string | undefined; by: AskedBy | undefined; rows: number }[] = [];
  for (const { tenant: of, by, rows } of members) {
    const share = shares.find((each) => each.tenant === of && each.by === by);
    if (share) share.rows += rows;
    else shares.push({ tenant: of, by, rows });
  }
  return shares;
}
