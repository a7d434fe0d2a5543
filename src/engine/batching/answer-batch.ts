import { releasedBytesMin } from '../../v8/release-buffer.ts';
import { Owned } from '../owned.ts';
import type { Tensor } from '../tensor.ts';
import { cutRows } from './cut-rows.ts';
import type { Waiting } from './waiting-inputs.ts';

/** One request's part of a run's outputs. */
export type Part = { readonly outputs: readonly Tensor[]; readonly owned: Owned | undefined };

/**
 * The outputs of a run, shared out to its requests; undefined for each when an output does not have
 * the run's rows.
 */
export function shareOut(
  outputs: readonly Tensor[],
  outputBytes: number,
  entries: readonly Waiting[],
  rows: number,
): (Part | undefined)[] {
  const whole = outputBytes < releasedBytesMin ? undefined : Owned.of(outputs);
  if (entries.length === 1) return [{ outputs: inOrderOf(entries[0]!.outputs, outputs), owned: whole }];
  let firstRow = 0;
  const parts = entries.map((entry) => {
    const part = rowsOf(outputs, entry, firstRow, rows);
    firstRow += entry.rows;
    // Who has an answer already takes no part.
    return part && { outputs: part, owned: entry.settled ? undefined : whole?.share(part) };
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

function inOrderOf(wanted: readonly string[] | undefined, outputs: readonly Tensor[]): readonly Tensor[] {
  if (!wanted || wanted.every((name, index) => outputs[index]?.name === name)) return outputs;
  return wanted.flatMap((name) => outputs.find((output) => output.name === name) ?? []);
}
