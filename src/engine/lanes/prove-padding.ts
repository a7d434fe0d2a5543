import { cutPadded, joinPadded } from '../batching/pad-rows.ts';
import { lengthsOf, type Padding } from '../batching/padding.ts';
import { biggestDifference } from '../compare-tensors.ts';
import { makeProbe, type ProbeValues } from '../make-probe.ts';
import { type Mask, maskOf } from '../mask.ts';
import { dimensionName } from '../registry/shape-bounds.ts';
import type { TensorSpec } from '../registry/tensor-spec.ts';
import type { Tensor } from '../tensor.ts';
import { largestIn, type RowProof, type RowTrial } from './prove-rows.ts';

/** A rule for rows of different lengths, that is to be tried. */
export type PaddingTrial = {
  readonly padding: Padding;
  readonly mask: Mask | undefined;
  /** The least and the largest size that a request may have, of each padded dimension. */
  readonly bounds: readonly { readonly min: number; readonly max: number }[];
};

type Run = (inputs: readonly Tensor[]) => Promise<readonly Tensor[]>;
type Row = {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  readonly lengths: readonly number[];
};
type Trial = RowTrial & { readonly padding: PaddingTrial };

/** All of one sign: else a maximum, or a minimum, hides zeros among the numbers. */
const ordinary: readonly ProbeValues[] = [
  'usual',
  'negative',
  'positive',
  'usual',
  'negative',
  'positive',
  'small',
  'zero',
];
const extreme: readonly ProbeValues[] = ['large', 'large', 'odd'];
/** How long the rows are, as part of the longest; a second dimension begins elsewhere. */
const parts = [1, 0.5, 0.75, 0.25, 0.875, 0];
/** Of the longest row, where probe_dimensions has none: a model may need more than the first. */
const sizes = [16, 512, 16_384];
const rowsNeeded = 3;
/** Without these nothing is proven. */
const ordersNeeded = 2;

/**
 * Runs rows of different lengths alone and together. What agrees may be padded: rowsMax is what the
 * trial asks for then, and 0 where the rule is not to be followed.
 */
export async function provePadding(run: Run, trial: Trial, provider: string, relative: number): Promise<RowProof> {
  const endsAt = performance.now() + trial.msMax;
  const refused = (reason: string): RowProof => ({ rowsMax: 0, reason, provider });
  let alone: Alone | undefined;
  for (const size of sizes) {
    alone = await rowsAlone(run, trial, size, endsAt);
    if (!alone.isTooShort || performance.now() > endsAt) break;
  }
  const { rows, failure } = alone!;
  if (failure !== undefined) return refused(failure);
  let trials = 0;
  for (const places of orders(rows.length)) {
    if (performance.now() > endsAt) {
      if (trials >= ordersNeeded) break;
      return refused(`its proof takes longer than ${trial.msMax} ms (VITRINE_ROW_PROOF_MS_MAX)`);
    }
    const together = places.map((place) => rows[place]!);
    const difference = await differenceTogether(run, together, trial.padding.padding, relative);
    if (difference !== undefined)
      return refused(
        `rows that are padded do not give what each gives alone: ${difference}; correct batching.padding (values, mask, outputs), or leave it out`,
      );
    trials += 1;
  }
  return {
    rowsMax: trial.rowsMax,
    reason: `rows of different lengths gave the same padded as alone in ${trials} trials`,
    provider,
  };
}

/** What came of single rows. `failure`: why nothing can be proven by them. */
type Alone = { readonly rows: readonly Row[]; readonly failure?: string; readonly isTooShort?: boolean };

async function rowsAlone(run: Run, trial: Trial, size: number, endsAt: number): Promise<Alone> {
  const rows: Row[] = [];
  let reason = '';
  for (const [index, values] of (trial.extremes ? [...ordinary, ...extreme] : ordinary).entries()) {
    if (rows.length >= rowsNeeded && performance.now() > endsAt) break;
    const inputs = rowOf(trial, size, index, values);
    try {
      const outputs = await run(inputs);
      const row = { inputs, outputs, lengths: lengthsOf(trial.padding.padding, { inputs }) };
      const misfit = misfitOf(row, trial.padding.padding);
      if (misfit !== undefined) return { rows, failure: misfit };
      rows.push(row);
    } catch (error) {
      // A short row, or one out of the ordinary, may be refused by the model.
      reason = (error as Error).message;
    }
  }
  const [first, ...others] = rows;
  if (rows.length < rowsNeeded)
    return { rows, failure: `rows of up to ${size} do not run: ${reason}; set probe_dimensions`, isTooShort: true };
  if (others.every(({ lengths }) => lengths.join() === first!.lengths.join()))
    return {
      rows,
      failure: 'rows of different lengths do not run, so that nothing can be proven; set probe_dimensions',
    };
  const exactly = { absolute: 0, relative: 0 };
  const differ = others.some(({ outputs }) => biggestDifference(first!.outputs, outputs, exactly) !== undefined);
  return differ
    ? { rows }
    : { rows, failure: 'its answers to different rows are the same, so that nothing can be proven' };
}

function rowOf(trial: Trial, size: number, index: number, values: ProbeValues): Tensor[] {
  const { padding, mask, bounds } = trial.padding;
  const probe_dimensions: Record<string, number> = { ...trial.probe_dimensions };
  for (const [at, { name }] of padding.dimensions.entries()) {
    const { min, max } = bounds[at]!;
    const longest = Math.min(max, Math.max(trial.probe_dimensions[name] ?? size, 4 * min));
    const part = parts[(index + at) % parts.length]!;
    probe_dimensions[name] = Math.max(1, min, Math.round(longest * part));
  }
  // Other free dimensions are as large as they may be seen: of 1 a model may be trivial.
  const inputs = trial.inputs.map(withNames);
  const made = makeProbe({ inputs, probe_dimensions, rows: 1, freeSize: 4 }, index + 1, values);
  return made.map((tensor) => (tensor.name === mask?.name ? maskOf(mask, tensor.shape) : tensor));
}

/** Dimensions without a name in the ONNX file are called by their place. */
function withNames(spec: TensorSpec): TensorSpec {
  return { ...spec, dimensionNames: spec.shape.map((size, axis) => (size < 0 ? dimensionName(spec, axis) : '')) };
}

/** Whether an output cannot be cut as the rule says; in words. */
function misfitOf({ outputs, lengths }: Row, padding: Padding): string | undefined {
  for (const { name, shape } of outputs) {
    if (shape[0] !== 1) return `output ${name} has the shape [${shape}] for one row`;
    for (const { axis, dimension } of padding.outputs[name] ?? [])
      if (shape[axis] !== lengths[dimension])
        return `output ${name} has the shape [${shape}] for a row whose ${padding.dimensions[dimension]!.name} is ${lengths[dimension]}; correct batching.padding.outputs`;
  }
  return undefined;
}

/** Which rows share a run, by their places: pairs both ways round, all, all backwards. */
function orders(count: number): number[][] {
  const all = Array.from({ length: count }, (_, place) => place);
  return [[0, 1], [1, 0], all, all.toReversed(), [count - 1, 0], [1, 2]];
}

async function differenceTogether(
  run: Run,
  rows: readonly Row[],
  padding: Padding,
  relative: number,
): Promise<string | undefined> {
  const lengths = padding.dimensions.map((_, at) => Math.max(...rows.map((row) => row.lengths[at]!)));
  let together: readonly Tensor[];
  try {
    together = await run(
      padding.inputs.map((input, index) =>
        joinPadded(
          rows.map(({ inputs }) => inputs[index]!),
          input,
          lengths,
        ),
      ),
    );
  } catch (error) {
    return `${rows.length} rows do not run: ${(error as Error).message}`;
  }
  for (const { name, shape } of together) {
    const axes = padding.outputs[name] ?? [];
    if (shape[0] !== rows.length || axes.some(({ axis, dimension }) => shape[axis] !== lengths[dimension]))
      return `output ${name} has the shape [${shape}] for ${rows.length} rows of up to ${lengths}`;
  }
  for (const [from, row] of rows.entries()) {
    for (const [index, alone] of row.outputs.entries()) {
      const axes = padding.outputs[alone.name] ?? [];
      const found = cutPadded(together[index]!, axes, { from, rows: 1, lengths: row.lengths });
      const absolute = (relative / 10) * largestIn(alone);
      const difference = biggestDifference([alone], [found], { absolute, relative });
      if (difference !== undefined) return difference;
    }
  }
  return undefined;
}
