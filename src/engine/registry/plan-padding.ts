import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { PaddedAxis, Padding } from '../batching/padding.ts';
import type { Mask } from '../mask.ts';
import { type DataType, dataTypes } from '../tensor.ts';
import type { PaddingRule } from './padding-schema.ts';
import { dimensionName } from './shape-bounds.ts';
import type { TensorSpec } from './tensor-spec.ts';

type Refuse = (what: string, remedy: string) => ServiceError;
type Specs = { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] };

/** What a rule means for a model; throws invalid_model where it does not fit. */
export function planPadding(
  model: string,
  specs: Specs,
  batching: { readonly rows_max: number; readonly padding: PaddingRule },
): { readonly padding: Padding; readonly mask: Mask | undefined } {
  const rule = batching.padding;
  const refuse: Refuse = (what, remedy) =>
    new ServiceError(
      'invalid_model',
      say`Cannot load model ${ours(model)}: batching.padding ${ours(what)}; ${ours(remedy)}.`,
    );
  if (batching.rows_max < 2)
    throw refuse(
      `needs batches, but rows_max is ${batching.rows_max}`,
      'raise batching.rows_max, or leave padding out',
    );
  refuseUnknownInputs(specs, rule, refuse);
  const { inputs } = specs;
  const dimensions = rule.dimensions.map((name, at) => {
    if (rule.dimensions.indexOf(name) !== at) throw refuse(`names the dimension "${name}" twice`, 'name it once');
    return firstAxisOf(inputs, name, rule.mask, refuse);
  });
  const axesOf = (spec: TensorSpec) => paddedAxes(spec, rule.dimensions);
  return {
    padding: {
      dimensions,
      inputs: inputs.map((spec) => ({ axes: axesOf(spec), fill: fillOf(spec, axesOf(spec), rule, refuse) })),
      outputs: Object.fromEntries(specs.outputs.map((spec) => [spec.name, outputAxes(spec, specs, rule, refuse)])),
      wasteMax: rule.waste_max,
    },
    mask: rule.mask === undefined ? undefined : maskPlan(rule.mask, inputs, rule.dimensions, refuse),
  };
}

function refuseUnknownInputs({ inputs }: Specs, { values, mask }: PaddingRule, refuse: Refuse): void {
  const names = inputs.map(({ name }) => name);
  for (const name of [...Object.keys(values), ...(mask === undefined ? [] : [mask])])
    if (!names.includes(name))
      throw refuse(
        `names the input "${name.slice(0, 100)}", which it does not have`,
        `its inputs are ${names.join(', ')}`,
      );
  if (mask !== undefined && Object.hasOwn(values, mask))
    throw refuse(`gives a value for its mask "${mask}", which is padded with 0`, 'leave it out of values');
}

/** Where a request shows its size: in an input that the caller always gives. */
function firstAxisOf(inputs: readonly TensorSpec[], name: string, mask: string | undefined, refuse: Refuse) {
  const rowsName = inputs.find(({ dimensionNames }) => dimensionNames[0] === name);
  if (rowsName)
    throw refuse(`names the dimension "${name}", which is that of the rows`, 'export the model with a name of its own');
  for (const [input, spec] of inputs.entries())
    for (const axis of spec.shape.keys())
      if (spec.name !== mask && isFree(spec, axis) && dimensionName(spec, axis) === name) return { name, input, axis };
  const free = inputs
    .filter((spec) => spec.name !== mask)
    .flatMap((spec) =>
      [...spec.shape.keys()].filter((axis) => isFree(spec, axis)).map((axis) => dimensionName(spec, axis)),
    );
  throw refuse(
    `names the dimension "${name.slice(0, 100)}", which no input${mask === undefined ? '' : ' beside the mask'} has free`,
    `beside the rows these are free: ${[...new Set(free)].join(', ') || 'none'}`,
  );
}

function isFree({ shape }: TensorSpec, axis: number): boolean {
  return axis > 0 && shape[axis]! < 0;
}

function paddedAxes(spec: TensorSpec, names: readonly string[]): PaddedAxis[] {
  return [...spec.shape.keys()]
    .filter((axis) => isFree(spec, axis))
    .map((axis) => ({ axis, dimension: names.indexOf(dimensionName(spec, axis)) }))
    .filter(({ dimension }) => dimension >= 0);
}

/** Where an answer is cut. A free size that follows from nothing known cannot be. */
function outputAxes(spec: TensorSpec, { inputs, outputs }: Specs, rule: PaddingRule, refuse: Refuse): PaddedAxis[] {
  const given = rule.outputs.filter(({ output }) => output === spec.name);
  const unknown = rule.outputs.find(({ output }) => !outputs.some(({ name }) => name === output));
  if (unknown)
    throw refuse(
      `names the output "${unknown.output.slice(0, 100)}", which it does not have`,
      `its outputs are ${outputs.map(({ name }) => name).join(', ')}`,
    );
  for (const { axis, dimension } of given) {
    if (!isFree(spec, axis))
      throw refuse(
        `says the size of axis ${axis} of the output "${spec.name}" [${spec.shape}], which is not free`,
        'correct batching.padding.outputs',
      );
    if (!rule.dimensions.includes(dimension))
      throw refuse(
        `cuts the output "${spec.name}" by the dimension "${dimension.slice(0, 100)}", which is not padded`,
        `the padded ones are ${rule.dimensions.join(', ')}`,
      );
  }
  const known = new Set(inputs.flatMap(({ dimensionNames }) => dimensionNames.filter((name) => name !== '')));
  return [...spec.shape.keys()].flatMap((axis): PaddedAxis[] => {
    if (!isFree(spec, axis)) return [];
    const name = spec.dimensionNames[axis]!;
    const by = given.find((each) => each.axis === axis)?.dimension ?? name;
    const dimension = rule.dimensions.indexOf(by);
    if (dimension >= 0) return [{ axis, dimension }];
    // As large as that of an input that is not padded: all requests of a batch have it alike.
    if (known.has(name)) return [];
    throw refuse(
      `cannot cut the output "${spec.name}" [${spec.shape}]: it is not known what the size of axis ${axis} (${name || 'without a name'}) follows from`,
      'say its dimension in batching.padding.outputs, or leave padding out',
    );
  });
}

function fillOf(
  { name, datatype }: TensorSpec,
  axes: readonly PaddedAxis[],
  { values, mask }: PaddingRule,
  refuse: Refuse,
): number | bigint | string {
  const value = values[name] ?? (datatype === 'BYTES' ? '' : 0);
  if (axes.length === 0 && (Object.hasOwn(values, name) || mask === name))
    throw refuse(`names the input "${name}", which has no padded dimension`, 'leave it out, or name its dimension');
  const fill = elementOf(datatype, value);
  if (fill === undefined)
    throw refuse(
      `pads the input "${name}" with ${JSON.stringify(value).slice(0, 100)}, which is no ${datatype}`,
      'correct batching.padding.values',
    );
  return fill;
}

/** As the array of the datatype holds it; undefined where it cannot. */
function elementOf(datatype: DataType, value: number | string): number | bigint | string | undefined {
  if (datatype === 'BYTES' || typeof value === 'string')
    return datatype === 'BYTES' && typeof value === 'string' ? value : undefined;
  if (datatype === 'FP16') {
    const half = new Float16Array([value]);
    return Number.isFinite(half[0]) ? new Uint16Array(half.buffer)[0] : undefined;
  }
  if (datatype === 'FP32') return Number.isFinite(Math.fround(value)) ? value : undefined;
  if (datatype === 'FP64') return value;
  if (!Number.isSafeInteger(value) || (datatype === 'BOOL' && value !== 0 && value !== 1)) return undefined;
  if (datatype === 'INT64') return BigInt(value);
  if (datatype === 'UINT64') return value < 0 ? undefined : BigInt(value);
  return new dataTypes[datatype].array([value])[0] === value ? value : undefined;
}

function maskPlan(name: string, inputs: readonly TensorSpec[], names: readonly string[], refuse: Refuse): Mask {
  const spec = inputs.find((input) => input.name === name)!;
  const { datatype, shape } = spec;
  if (datatype === 'BYTES')
    throw refuse(`has the mask "${name}", which is BYTES`, 'a mask is a number or BOOL; name another input');
  const free = [...shape.keys()].filter((axis) => isFree(spec, axis)).map((axis) => dimensionName(spec, axis));
  const other = free.find((dimension) => !names.includes(dimension));
  if (other !== undefined)
    throw refuse(
      `has the mask "${name}" [${shape}], whose dimension ${other} is not padded`,
      'name that dimension in batching.padding.dimensions, or leave mask out and let callers send it',
    );
  // So it is never larger than what a caller sent.
  const like = inputs.find((input) => input !== spec && free.every((dimension) => axisOf(input, dimension) > 0));
  if (like === undefined)
    throw refuse(
      `has the mask "${name}" [${shape}], whose dimensions ${free.join(', ')} no other input has together`,
      'leave mask out and let callers send it',
    );
  const sizes = shape.map((size, axis) => {
    if (size >= 0) return size;
    return { input: like.name, axis: axis === 0 ? 0 : axisOf(like, dimensionName(spec, axis)) };
  });
  return { name, datatype, sizes };
}

function axisOf(spec: TensorSpec, dimension: string): number {
  return [...spec.shape.keys()].findIndex((axis) => isFree(spec, axis) && dimensionName(spec, axis) === dimension);
}
