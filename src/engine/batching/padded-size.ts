import { dataTypes, elementsOf } from '../tensor.ts';
import { lengthsOf, type PaddedInputs, type Padding, paddedShape } from './padding.ts';

type Entry = PaddedInputs & { readonly bytes: number };
type Limits = { readonly rowsMax: number; readonly bytesMax: number };

/**
 * How large a batch of rows of different lengths becomes while it is put together. Padding is
 * counted over the product of the padded dimensions: so what runs is never larger than what was
 * asked for by more than wasteMax allows, however many dimensions there are.
 */
export class PaddedSize {
  readonly #padding: Padding;
  readonly #limits: Limits;
  readonly #first: Entry;
  #lengths: readonly number[];
  #rows: number;
  #ownCells: number;
  #ownBytes: number;
  #refusedBy: 'rows' | 'bytes' | 'padding' | undefined;

  constructor(padding: Padding, first: Entry, limits: Limits) {
    this.#padding = padding;
    this.#limits = limits;
    this.#first = first;
    this.#lengths = lengthsOf(padding, first);
    this.#rows = first.rows;
    this.#ownCells = first.rows * elementsOf(this.#lengths);
    this.#ownBytes = first.bytes;
  }

  get rows(): number {
    return this.#rows;
  }

  /** What was in the way of the first request that did not fit; undefined: all did. */
  get closedBy(): 'rows' | 'bytes' | 'padding' | undefined {
    return this.#rows >= this.#limits.rowsMax ? 'rows' : this.#refusedBy;
  }

  /** Whether another request fits; then it is one of the batch. */
  takes(entry: Entry): boolean {
    const own = lengthsOf(this.#padding, entry);
    const rows = this.#rows + entry.rows;
    const lengths = own.map((length, at) => Math.max(length, this.#lengths[at]!));
    const ownCells = this.#ownCells + entry.rows * elementsOf(own);
    const ownBytes = this.#ownBytes + entry.bytes;
    const obstacle = this.#obstacle(rows, lengths, ownCells, ownBytes);
    if (obstacle !== undefined) {
      this.#refusedBy ??= obstacle;
      return false;
    }
    this.#rows = rows;
    this.#lengths = lengths;
    this.#ownCells = ownCells;
    this.#ownBytes = ownBytes;
    return true;
  }

  #obstacle(rows: number, lengths: readonly number[], ownCells: number, ownBytes: number) {
    const { rowsMax, bytesMax } = this.#limits;
    if (rows > rowsMax) return 'rows';
    const cells = rows * elementsOf(lengths);
    if (cells - ownCells > this.#padding.wasteMax * cells) return 'padding';
    // Texts count by what was sent: padding adds none.
    if (Math.max(ownBytes, this.#bytes(rows, lengths)) > bytesMax) return 'bytes';
    return undefined;
  }

  #bytes(rows: number, lengths: readonly number[]): number {
    let bytes = 0;
    for (const [index, { axes }] of this.#padding.inputs.entries()) {
      const tensor = this.#first.inputs[index]!;
      bytes += elementsOf(paddedShape(tensor, axes, lengths, rows)) * dataTypes[tensor.datatype].bytes;
    }
    return bytes;
  }
}
