import { cutRows } from '../batching/cut-rows.ts';
import { joinRows } from '../batching/join-rows.ts';
import { biggestDifference } from '../compare-tensors.ts';
import { makeProbe, type ProbeValues } from '../make-probe.ts';
import type { TensorSpec } from '../registry/tensor-spec.ts';
import { isStrings, type Tensor } from '../tensor.ts';

/** What is tried to find out whether rows of several requests may share a run. */
export type RowTrial = {
  readonly inputs: readonly TensorSpec[];
  readonly probe_dimensions: Readonly<Record<string, number>>;
  /**
   * Whether values out of the ordinary are tried: not where they could make a run long or large.
   */
  readonly extremes: boolean;
  /** The most rows that a batch is to have. */
  readonly rowsMax: number;
  readonly msMax: number;
  /** What an earlier load of the same file found out. */
  readonly known: RowProof | undefined;
};

/** How many rows may share a run, and why; 0: requests run alone. */
export type RowProof = { readonly rowsMax: number; readonly reason: string; readonly provider: string };

type Run = (inputs: readonly Tensor[]) => Promise<readonly Tensor[]>;
type Row = { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[]; readonly ms: number };

const ordinary: readonly ProbeValues[] = ['usual', 'usual', 'usual', 'small', 'zero'];
const extreme: readonly ProbeValues[] = ['large', 'odd'];
/** The first rows must run; a model whose time is short is tried on two of them. */
const usualRows = 3;
const rowsNeeded = 2;
/** A model that is trivial on free dimensions of 1, as a mean over one number, is not on these. */
const freeSizes = [16, 1];
/** Without these nothing is proven, however long they take. */
const ordersNeeded = 2;
const timedRows = 8;
/** So many runs are timed, or as many as that takes. */
const timedRuns = 20;
const timedMs = 50;
/** A busy machine can hold up any one run; so many are timed while the proof has time. */
const timedRunsNeeded = 3;
const exactly = { absolute: 0, relative: 0 };
/** What a message to a lane and back takes: shared by the rows of a batch. */
const laneRoundTripMs = 0.15;
/** Twice the rows must save this part of the time for each, or they wait longer for nothing. */
const gainMin = 0.03;

/** Runs rows alone and together: what agrees may be batched, up to where more rows save no time. */
export async function proveRows(run: Run, trial: RowTrial, provider: string, relative: number): Promise<RowProof> {
  const endsAt = performance.now() + trial.msMax;
  const refused = (reason: string): RowProof => ({ rowsMax: 0, reason, provider });
  let trials = 0;
  let proven: Row[] | undefined;
  let failure = 'its probe does not run';
  for (const freeSize of hasOtherFreeDimensions(trial) ? freeSizes : [1]) {
    const rows = await rowsAlone(run, trial, freeSize, endsAt);
    if (typeof rows === 'string') {
      failure = rows;
      continue;
    }
    for (const [index, places] of orders(rows.length).entries()) {
      const isEnough = proven !== undefined || index >= ordersNeeded;
      if (performance.now() > endsAt) {
        if (isEnough) break;
        return refused(
          `the proof that its rows are independent takes longer than ${trial.msMax} ms (VITRINE_ROW_PROOF_MS_MAX)`,
        );
      }
      const together = places.map((place) => rows[place]!);
      const difference = await differenceTogether(run, together, relative);
      if (difference !== undefined) return refused(`rows together do not give what each gives alone: ${difference}`);
      trials += 1;
    }
    proven = rows;
  }
  if (!proven) return refused(failure);
  const rowsMax = await rowsThatPay(run, proven[0]!, trial.rowsMax, endsAt);
  if (rowsMax === 1) return refused('rows are independent, but two in one run take as long as in two');
  return { rowsMax, reason: `rows gave the same together as alone in ${trials} trials`, provider };
}

/**
 * Each row by itself; words where too few run, or their answers are the same whatever is in them.
 */
async function rowsAlone(run: Run, trial: RowTrial, freeSize: number, endsAt: number): Promise<Row[] | string> {
  const rows: Row[] = [];
  const startedAt = performance.now();
  for (const [index, values] of (trial.extremes ? [...ordinary, ...extreme] : ordinary).entries()) {
    const msEach = (performance.now() - startedAt) / Math.max(1, index);
    // Each row is run again in several batches.
    if (index >= rowsNeeded && performance.now() + msEach * 20 > endsAt) break;
    const inputs = makeProbe({ ...trial, rows: 1, freeSize }, index + 1, values);
    const beganAt = performance.now();
    try {
      const outputs = await run(inputs);
      const ms = performance.now() - beganAt;
      const other = outputs.find(({ shape }) => shape[0] !== 1);
      if (other) return `output ${other.name} has the shape [${other.shape}] for one row`;
      rows.push({ inputs, outputs, ms });
    } catch (error) {
      // A row out of the ordinary may be refused by the model.
      if (index < usualRows) return `its probe does not run: ${(error as Error).message}`;
    }
  }
  const [first, ...others] = rows;
  const differ = others.some(({ outputs }) => biggestDifference(first!.outputs, outputs, exactly) !== undefined);
  return differ ? rows : 'its answers to different rows are the same, so that nothing can be proven';
}

/**
 * Which rows share a run, by their places: two, the same the other way round, mixed, all, all
 * backwards, one twice.
 */
function orders(count: number): number[][] {
  const all = Array.from({ length: count }, (_, place) => place);
  return [[0, 1], [1, 0], [count - 1, 0, 1], all, all.toReversed(), [0, count - 1, 0, 1, 1, 0]];
}

async function differenceTogether(run: Run, rows: readonly Row[], relative: number): Promise<string | undefined> {
  let together: readonly Tensor[];
  try {
    together = await run(joinRows(rows.map(({ inputs }) => inputs)));
  } catch (error) {
    return `${rows.length} rows do not run: ${(error as Error).message}`;
  }
  for (const output of together)
    if (output.shape[0] !== rows.length)
      return `output ${output.name} has the shape [${output.shape}] for ${rows.length} rows`;
  for (const [place, { outputs }] of rows.entries()) {
    for (const [index, alone] of outputs.entries()) {
      const absolute = (relative / 10) * largestIn(alone);
      const difference = biggestDifference([alone], [cutRows(together[index]!, place, 1)], { absolute, relative });
      if (difference !== undefined) return difference;
    }
  }
  return undefined;
}

/** Without infinities. */
export function largestIn({ data, datatype }: Tensor): number {
  let largest = 0;
  if (isStrings(data) || datatype === 'FP16') return 1;
  for (const value of data) {
    const size = Math.abs(Number(value));
    if (size > largest && size !== Number.POSITIVE_INFINITY) largest = size;
  }
  return largest;
}

/**
 * A run of r rows takes a + b·r: the rows, in powers of two, at which doubling them saves too
 * little.
 */
async function rowsThatPay(run: Run, { inputs, ms }: Row, rowsMax: number, endsAt: number): Promise<number> {
  const one = ms > timedMs && performance.now() > endsAt ? ms : Math.min(ms, await quickest(run, inputs, endsAt));
  const several = await quickest(run, joinRows(Array.from({ length: timedRows }, () => inputs)), endsAt);
  const rowMs = Math.max(0, several - one) / (timedRows - 1);
  const sharedMs = Math.max(0, one - rowMs) + laneRoundTripMs;
  let rows = 1;
  while (rows < rowsMax && sharedMs / (2 * rows) > gainMin * (sharedMs / rows + rowMs)) rows *= 2;
  return Math.min(rows, rowsMax);
}

/** The least of several: a run that is held up by others on the machine says nothing. */
async function quickest(run: Run, inputs: readonly Tensor[], proofEndsAt: number): Promise<number> {
  const enoughAt = performance.now() + timedMs;
  let least = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < timedRuns; attempt += 1) {
    const startedAt = performance.now();
    await run(inputs);
    const now = performance.now();
    least = Math.min(least, now - startedAt);
    if (now > proofEndsAt || (now > enoughAt && attempt + 1 >= timedRunsNeeded)) break;
  }
  return least;
}

function hasOtherFreeDimensions({ inputs, probe_dimensions: sizes }: RowTrial): boolean {
  return inputs.some(({ shape, dimensionNames }) =>
    shape.some((size, axis) => axis > 0 && size < 0 && sizes[dimensionNames[axis] ?? ''] === undefined),
  );
}
