import { ServiceError } from '../errors.ts';
import { ours, type Sentence, say } from '../sentence.ts';
import type { Padding } from './batching/padding.ts';
import { headsWithMask, withMaskMade } from './mask.ts';
import type { Manifest } from './registry/manifest.ts';
import { checkBounds, sizeOutOfBounds } from './registry/shape-bounds.ts';
import type { TensorSpec } from './registry/tensor-spec.ts';
import { bytesOf, elementsOf, isStrings, type Tensor, type TensorHead } from './tensor.ts';

export type CheckedInputs = {
  /** In the model's order. */
  readonly inputs: readonly Tensor[];
  /** Rows along the batch dimension; 1 where the model has none. */
  readonly rows: number;
  readonly bytes: number;
  /**
   * Requests may share a batch when this is the same: all dimensions but the first and those that
   * are padded. '' where they cannot differ.
   */
  readonly shapeKey: string;
  /** Its inputs have no rows, or not equally many: it cannot share a batch. */
  readonly alone: boolean;
};

/**
 * Everything that ONNX Runtime would refuse by a message without a code, and some that it would
 * not: names, datatypes, ranks, sizes, lengths, dimensions that must agree. Throws invalid_input,
 * which says which input and what was expected.
 */
export function checkInputs(
  manifest: Manifest,
  given: readonly Tensor[],
  wanted?: readonly string[],
  boundsItself = false,
): CheckedInputs {
  const { inputs: specs, batching, padding, mask } = manifest;
  const heads = checkHeads(manifest, given, wanted, boundsItself);
  const inOrder = mask === undefined ? heads : withMaskMade(mask, heads);
  const batched = batching.rows_max > 0;
  let bytes = 0;
  let shapeKey = '';
  for (let index = 0; index < specs.length; index += 1) {
    const spec = specs[index]!;
    const tensor = inOrder[index]!;
    checkData(manifest, spec, tensor);
    bytes += bytesOf(tensor);
    if (batched && hasFreeDimensionBeyondFirst(spec))
      shapeKey += padding === undefined ? `${tensor.shape.slice(1)};` : unpaddedSizes(tensor, padding, index);
  }
  const rows = batched ? inOrder[0]!.shape[0]! : 1;
  return { inputs: inOrder, rows, bytes, shapeKey, alone: batched && !sharesRows(inOrder, rows) };
}

/** Of the dimensions in which the requests of a padded batch must agree. */
function unpaddedSizes({ shape }: Tensor, { inputs }: Padding, input: number): string {
  const { axes } = inputs[input]!;
  return `${shape.map((size, at) => (at === 0 || axes.some(({ axis }) => axis === at) ? '' : size))};`;
}

/**
 * Names, datatypes, shapes, rows and sizes, and which outputs are wanted: all that can be refused
 * before data is decoded. A mask that the caller leaves out is checked as it will be made.
 */
export function checkHeads<Head extends TensorHead>(
  manifest: ManifestOfInputs,
  given: readonly Head[],
  wanted?: readonly string[],
  boundsItself = false,
): readonly Head[] {
  const { inputs: specs, batching, mask } = manifest;
  const all = mask === undefined ? given : (headsWithMask(mask, given) as readonly Head[]);
  const inOrder = arrange(manifest, all);
  const free = new Map<string, number>();
  const batched = batching.rows_max > 0;
  for (let index = 0; index < specs.length; index += 1)
    checkShape(manifest, index, inOrder[index]!, free, batched, boundsItself);
  if (wanted) checkOutputs(manifest, wanted);
  if (batched && manifest.rowsBeyondMax !== 'alone') checkRows(manifest, inOrder);
  if (!boundsItself) checkBounds(manifest.name, manifest.bounds, inOrder);
  return inOrder;
}

/** What of a manifest the inputs of a request are checked by. */
export type ManifestOfInputs = Pick<
  Manifest,
  'name' | 'inputs' | 'outputs' | 'batching' | 'bounds' | 'rowsBeyondMax' | 'state' | 'mask'
>;

function arrange<Head extends TensorHead>(manifest: ManifestOfInputs, given: readonly Head[]): readonly Head[] {
  const { inputs: specs } = manifest;
  if (given.length === specs.length && specs.every(({ name }, index) => given[index]?.name === name)) return given;
  for (const [index, { name }] of given.entries()) {
    if (!specs.some((spec) => spec.name === name)) {
      throw refusal(manifest, say`it has no input "${name.slice(0, 100)}"`, say`its inputs are ${namesOf(specs)}`);
    }
    if (given.findIndex((other) => other.name === name) !== index) {
      throw refusal(manifest, say`the input "${ours(name)}" is given twice`, say`give each input once`);
    }
  }
  return specs.map(({ name }) => {
    const tensor = given.find((each) => each.name === name);
    if (!tensor)
      throw refusal(manifest, say`the input "${ours(name)}" is missing`, say`its inputs are ${namesOf(specs)}`);
    return tensor;
  });
}

function checkShape(
  manifest: ManifestOfInputs,
  input: number,
  { name, datatype, shape }: TensorHead,
  free: Map<string, number>,
  batched: boolean,
  boundsItself: boolean,
): void {
  const spec = manifest.inputs[input]!;
  if (datatype !== spec.datatype)
    throw refusal(manifest, say`the input "${ours(name)}" is ${ours(datatype)}`, takes(spec));
  if (shape.length !== spec.shape.length) {
    throw refusal(manifest, say`the input "${ours(name)}" has the shape [${shape.slice(0, 16)}]`, takes(spec));
  }
  const { bounds } = manifest;
  for (let axis = 0; axis < shape.length; axis += 1) {
    const size = shape[axis]!;
    const declared = spec.shape[axis]!;
    if (!Number.isSafeInteger(size) || size < 0 || (declared >= 0 && size !== declared)) {
      throw refusal(manifest, say`the input "${ours(name)}" has the shape [${shape}]`, takes(spec));
    }
    if (!boundsItself && (size < bounds.min[input]![axis]! || size > bounds.max[input]![axis]!))
      throw sizeOutOfBounds(manifest.name, bounds, spec, { input, axis, size });
    const symbol = spec.dimensionNames[axis];
    if (declared >= 0 || !symbol || (batched && axis === 0 && manifest.rowsBeyondMax !== 'alone')) continue;
    const same = free.get(symbol);
    if (same === undefined) free.set(symbol, size);
    else if (same !== size) {
      throw refusal(
        manifest,
        say`the input "${ours(name)}" has the size ${size} in dimension ${axis} (${ours(symbol)})`,
        say`another input has ${same} there; make them agree`,
      );
    }
  }
}

function checkData(manifest: Manifest, spec: TensorSpec, { name, datatype, shape, data }: Tensor): void {
  if (data.length !== elementsOf(shape)) {
    throw refusal(
      manifest,
      say`the input "${ours(name)}" holds ${data.length} elements`,
      say`its shape [${shape}] needs ${elementsOf(shape)}`,
    );
  }
  if (isStrings(data) !== (datatype === 'BYTES')) {
    throw refusal(manifest, say`the input "${ours(name)}" is not held as ${ours(datatype)}`, takes(spec));
  }
}

function takes({ datatype, shape }: TensorSpec): Sentence {
  return say`it takes ${ours(datatype)} [${shape}]`;
}

function hasFreeDimensionBeyondFirst({ shape }: TensorSpec): boolean {
  for (let axis = 1; axis < shape.length; axis += 1) if (shape[axis] === -1) return true;
  return false;
}

function sharesRows(inputs: readonly Tensor[], rows: number): boolean {
  for (const { shape } of inputs) if (shape[0] !== rows) return false;
  return rows > 0;
}

function checkRows(manifest: ManifestOfInputs, inputs: readonly TensorHead[]): void {
  const { rows_max: rowsMax } = manifest.batching;
  const rows = inputs[0]?.shape[0] ?? 1;
  const other = inputs.find(({ shape }) => shape[0] !== rows);
  if (other) {
    throw refusal(
      manifest,
      say`the input "${ours(other.name)}" has ${other.shape[0]} rows and "${ours(inputs[0]!.name)}" has ${rows}`,
      say`the first dimension of all inputs must agree`,
    );
  }
  if (rows === 0) throw refusal(manifest, say`the request has no rows`, say`give at least one`);
  if (rows > rowsMax && manifest.rowsBeyondMax === 'refused') {
    throw refusal(
      manifest,
      say`the request has ${rows} rows`,
      say`it takes ${rowsMax} at most (batching.rows_max), unless batching.split is set in model.json`,
    );
  }
}

function checkOutputs(manifest: ManifestOfInputs, wanted: readonly string[]): void {
  for (const [index, name] of wanted.entries()) {
    if (!manifest.outputs.some((output) => output.name === name)) {
      throw refusal(
        manifest,
        say`it has no output "${name.slice(0, 100)}"`,
        say`its outputs are ${namesOf(manifest.outputs)}`,
      );
    }
    if (wanted.indexOf(name) !== index) {
      throw refusal(manifest, say`the output "${ours(name)}" is asked for twice`, say`name each output once`);
    }
  }
}

function namesOf(specs: readonly TensorSpec[]): Sentence {
  return ours(specs.map(({ name }) => `"${name}"`).join(', ') || 'none');
}

function refusal({ name }: ManifestOfInputs, state: Sentence, remedy: Sentence): ServiceError {
  return new ServiceError('invalid_input', say`Cannot run model ${ours(name)}: ${state}; ${remedy}.`);
}
