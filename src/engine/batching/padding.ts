import { dataTypes, elementsOf, type Tensor } from '../tensor.ts';

/** An axis of a tensor that has the size of a padded dimension, by its place among them. */
export type PaddedAxis = { readonly axis: number; readonly dimension: number };

/** How rows of different lengths share a batch, in the places of the model's inputs. */
export type Padding = {
  /** The padded dimensions, and which axis of which input shows how long a request is there. */
  readonly dimensions: readonly { readonly name: string; readonly input: number; readonly axis: number }[];
  /** Of each input. `fill`: an element as the input's array holds it. */
  readonly inputs: readonly { readonly axes: readonly PaddedAxis[]; readonly fill: number | bigint | string }[];
  /** Of each output, by name. */
  readonly outputs: Readonly<Record<string, readonly PaddedAxis[]>>;
  readonly wasteMax: number;
};

/** What padding made of a batch. */
export type PaddedBatch = {
  readonly padding: Padding;
  /** The longest of its requests, for each padded dimension. */
  readonly lengths: readonly number[];
  /** Of its inputs, as they run, that no request sent. */
  readonly bytes: number;
  /** From 0 to 1, along the padded dimensions. */
  readonly share: number;
};

/** What of a request its padding follows from. */
export type PaddedInputs = { readonly inputs: readonly Tensor[]; readonly rows: number };

/** How long a request is in each padded dimension. */
export function lengthsOf({ dimensions }: Padding, { inputs }: Pick<PaddedInputs, 'inputs'>): number[] {
  return dimensions.map(({ input, axis }) => inputs[input]!.shape[axis]!);
}

/** Undefined where all requests are as long as each other: nothing is padded then. */
export function paddedBatch(padding: Padding, entries: readonly PaddedInputs[]): PaddedBatch | undefined {
  if (entries.length === 1) return undefined;
  const lengths = lengthsOf(padding, entries[0]!);
  let rows = 0;
  let ownCells = 0;
  let isPadded = false;
  for (const entry of entries) {
    const own = lengthsOf(padding, entry);
    rows += entry.rows;
    ownCells += entry.rows * elementsOf(own);
    for (let at = 0; at < own.length; at += 1) {
      isPadded ||= own[at] !== lengths[at];
      lengths[at] = Math.max(lengths[at]!, own[at]!);
    }
  }
  if (!isPadded) return undefined;
  const cells = rows * elementsOf(lengths);
  const bytes = paddingBytes(padding, entries, rows, lengths);
  return { padding, lengths, bytes, share: cells === 0 ? 0 : (cells - ownCells) / cells };
}

/** The shape that a tensor has among longer ones. */
export function paddedShape(
  { shape }: Pick<Tensor, 'shape'>,
  axes: readonly PaddedAxis[],
  lengths: readonly number[],
  rows: number,
): number[] {
  const padded = [...shape];
  padded[0] = rows;
  for (const { axis, dimension } of axes) padded[axis] = lengths[dimension]!;
  return padded;
}

function paddingBytes(
  { inputs }: Padding,
  entries: readonly PaddedInputs[],
  rows: number,
  lengths: readonly number[],
): number {
  let bytes = 0;
  for (const [index, { axes }] of inputs.entries()) {
    const first = entries[0]!.inputs[index]!;
    let elements = elementsOf(paddedShape(first, axes, lengths, rows));
    for (const entry of entries) elements -= entry.inputs[index]!.data.length;
    bytes += elements * dataTypes[first.datatype].bytes;
  }
  return bytes;
}
