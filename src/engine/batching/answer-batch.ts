import { releasedBytesMin } from '../../v8/release-buffer.ts';
import { Owned } from '../owned.ts';
import { isStrings, type Tensor } from '../tensor.ts';
import { cutRows } from './cut-rows.ts';
import { cutPadded } from './pad-rows.ts';
import { lengthsOf, type PaddedBatch } from './padding.ts';
import type { Waiting } from './waiting-inputs.ts';

/** One request's part of a run's outputs. */
export type Part = { readonly outputs: readonly Tensor[]; readonly owned: Owned | undefined };

/**
 * The outputs of a run, shared out to its requests; undefined for each when an output does not have
 * the run's rows, or the lengths of a batch that was padded.
 */
export function shareOut(
  outputs: readonly Tensor[],
  outputBytes: number,
  entries: readonly Waiting[],
  rows: number,
  padded?: PaddedBatch,
): (Part | undefined)[] {
  const whole = outputBytes < releasedBytesMin ? undefined : Owned.of(outputs);
  if (entries.length === 1) return [{ outputs: inOrderOf(entries[0]!.outputs, outputs), owned: whole }];
  let firstRow = 0;
  const parts = entries.map((entry) => {
    const part = padded ? ownLengthsOf(outputs, entry, firstRow, rows, padded) : rowsOf(outputs, entry, firstRow, rows);
    firstRow += entry.rows;
    if (!part) return undefined;
    // Who has an answer already takes no part.
    if (!whole || entry.settled) return { outputs: part, owned: undefined };
    return { outputs: part, owned: padded ? ownedPart(part, outputs, whole) : whole.share(part) };
  });
  whole?.release();
  return parts;
}

/** Views, not copies. */
function rowsOf(
  outputs: readonly Tensor[],
  entry: Waiting,
  firstRow: number,
  rowsOfBatch: number,
): readonly Tensor[] | undefined {
  const own: Tensor[] = [];
  for (const tensor of outputs) {
    if (entry.outputs && !entry.outputs.includes(tensor.name)) continue;
    if (tensor.shape[0] !== rowsOfBatch) return undefined;
    own.push(cutRows(tensor, firstRow, entry.rows));
  }
  return inOrderOf(entry.outputs, own);
}

/** Its rows without padding: copies where they were padded, else views. */
function ownLengthsOf(
  outputs: readonly Tensor[],
  entry: Waiting,
  firstRow: number,
  rowsOfBatch: number,
  { padding, lengths }: PaddedBatch,
): readonly Tensor[] | undefined {
  const own: Tensor[] = [];
  const of = { from: firstRow, rows: entry.rows, lengths: lengthsOf(padding, entry) };
  for (const tensor of outputs) {
    if (entry.outputs && !entry.outputs.includes(tensor.name)) continue;
    const axes = padding.outputs[tensor.name] ?? [];
    if (tensor.shape[0] !== rowsOfBatch) return undefined;
    if (axes.some(({ axis, dimension }) => tensor.shape[axis] !== lengths[dimension])) return undefined;
    own.push(cutPadded(tensor, axes, of));
  }
  return inOrderOf(entry.outputs, own);
}

/** Copies belong to their request alone, views to the whole run. */
function ownedPart(part: readonly Tensor[], outputs: readonly Tensor[], whole: Owned): Owned {
  const buffers = new Set(outputs.map(bufferOf));
  const views = part.filter((tensor) => buffers.has(bufferOf(tensor)));
  if (views.length === part.length) return whole.share(part);
  const copies = Owned.of(part.filter((tensor) => !views.includes(tensor)));
  return views.length === 0 ? copies : Owned.together(part, [copies, whole.share(views)]);
}

function bufferOf({ data }: Tensor): unknown {
  return isStrings(data) ? undefined : data.buffer;
}

function inOrderOf(wanted: readonly string[] | undefined, outputs: readonly Tensor[]): readonly Tensor[] {
  if (!wanted || wanted.every((name, index) => outputs[index]?.name === name)) return outputs;
  return wanted.flatMap((name) => outputs.find((output) => output.name === name) ?? []);
}
