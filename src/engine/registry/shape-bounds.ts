import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import { dataTypes, elementsOf, type Tensor } from '../tensor.ts';
import type { ManifestFile } from './manifest-schema.ts';
import type { TensorSpec } from './tensor-spec.ts';

/** What no request may go beyond, whatever the model's manifest says. */
export type SizeLimits = {
  /** VITRINE_FREE_ELEMENTS_MAX */
  readonly freeElementsMax: number;
  /** VITRINE_OUTPUT_BYTES_MAX */
  readonly outputBytesMax: number;
};

type Axis = { readonly name: string; readonly input: number; readonly axis: number };
type Product = { readonly axes: readonly Axis[]; readonly max: number };

/**
 * How large a request's free dimensions may be. Inner tensors of a model may have the size of their
 * product, which a caller would choose with a few bytes: so each is bounded by name, or all that
 * are not named are bounded together.
 */
export type ShapeBounds = {
  /** Of each input's axes; from 0 to infinity where the size is fixed, or is that of the batch. */
  readonly min: readonly (readonly number[])[];
  readonly max: readonly (readonly number[])[];
  readonly products: readonly Product[];
  /** Free dimensions that the manifest does not bound, each name once. */
  readonly loose: readonly Axis[];
  readonly freeElementsMax: number;
  /** Outputs whose size follows from the inputs', by the ONNX file. */
  readonly outputs: readonly { readonly elementBytes: number; readonly axes: readonly Axis[] }[];
  readonly outputBytesMax: number;
};

/** Throws invalid_model where the manifest bounds what the model does not have. */
export function shapeBounds(
  model: string,
  { inputs, outputs }: { readonly inputs: readonly TensorSpec[]; readonly outputs: readonly TensorSpec[] },
  given: Pick<ManifestFile, 'dimensions_max' | 'dimensions_min' | 'products_max'>,
  batching: { readonly rows_max: number; readonly split: boolean },
  limits: SizeLimits,
): ShapeBounds {
  const free = freeAxes(inputs, batching.rows_max > 0);
  const named = new Map(free.map((axis) => [axis.name, axis]));
  const { dimensions_max, dimensions_min, products_max } = given;
  const bounded = [...Object.keys(dimensions_max), ...products_max.flatMap(({ of }) => of)];
  for (const name of [...bounded, ...Object.keys(dimensions_min)])
    if (!named.has(name)) throw unknownDimension(model, name, [...named.keys()]);
  const ofEach = (bound: (name: string) => number, otherwise: number) =>
    inputs.map(({ shape }, input) =>
      shape.map((_, axis) => {
        const one = free.find((each) => each.input === input && each.axis === axis);
        return one ? bound(one.name) : otherwise;
      }),
    );
  const rows = rowsAxis(inputs, batching.rows_max);
  const axisOfSize = new Map([...named, ...(rows ? ([[rows.name, rows]] as const) : [])]);
  // The rows of a request are few, unless it may be cut into parts.
  const isFree = (axis: Axis) => axis !== rows || batching.split;
  return {
    min: ofEach((name) => dimensions_min[name] ?? 1, 0),
    max: ofEach((name) => dimensions_max[name] ?? Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY),
    products: products_max.map(({ of, max }) => ({ axes: of.map((name) => named.get(name)!), max })),
    loose: [...named.values()].filter(({ name }) => !bounded.includes(name)),
    freeElementsMax: limits.freeElementsMax,
    outputs: outputs.flatMap((output) => derivedOutput(output, axisOfSize)).filter(({ axes }) => axes.some(isFree)),
    outputBytesMax: limits.outputBytesMax,
  };
}

/**
 * A free dimension's name in the manifest: that of the ONNX file, or its place where it has none
 * there.
 */
export function dimensionName(input: TensorSpec, axis: number): string {
  return input.dimensionNames[axis] || `${input.name}[${axis}]`;
}

/**
 * Refuses sizes beyond the bounds, before anything is allocated for them. The shapes fit the
 * manifest already.
 */
export function checkBounds(
  model: string,
  bounds: ShapeBounds,
  inputs: readonly Pick<Tensor, 'name' | 'shape'>[],
): void {
  const { products, loose, outputs } = bounds;
  if (products.length > 0)
    for (const { axes, max } of products) {
      const product = productOf(axes, inputs);
      if (product > max)
        throw tooLarge(
          model,
          `${sizesOf(axes, inputs)} make ${product}, and their product is at most ${max}`,
          'raise products_max in model.json',
        );
    }
  if (loose.length > 1) {
    const product = productOf(loose, inputs);
    // One input has as many elements anyway: only what several make together is more than what was
    // sent.
    const allowed = Math.max(bounds.freeElementsMax, ...inputs.map(({ shape }) => elementsOf(shape)));
    if (product > allowed)
      throw tooLarge(
        model,
        `${sizesOf(loose, inputs)} make ${product}, and their product is at most ${allowed}`,
        'bound them one by one by dimensions_max in model.json, or raise VITRINE_FREE_ELEMENTS_MAX',
      );
  }
  if (outputs.length > 0) {
    let bytes = 0;
    for (const { elementBytes, axes } of outputs) bytes += elementBytes * productOf(axes, inputs);
    if (bytes > bounds.outputBytesMax)
      throw tooLarge(
        model,
        `its outputs would take ${bytes} bytes, and at most ${bounds.outputBytesMax} are answered`,
        'raise VITRINE_OUTPUT_BYTES_MAX',
      );
  }
}

export function sizeOutOfBounds(
  model: string,
  bounds: ShapeBounds,
  spec: TensorSpec,
  { input, axis, size }: { input: number; axis: number; size: number },
): ServiceError {
  const min = bounds.min[input]![axis]!;
  const name = dimensionName(spec, axis);
  const where = `the input "${spec.name}" has the size ${size} in dimension ${axis} (${name})`;
  return size < min
    ? tooSmall(model, `${where}, and at least ${min} is taken`)
    : tooLarge(
        model,
        `${where}, and at most ${bounds.max[input]![axis]} is taken`,
        'raise dimensions_max in model.json',
      );
}

/** Each free dimension once, by name; the batch is none of them. */
function freeAxes(inputs: readonly TensorSpec[], batched: boolean): Axis[] {
  return inputs.flatMap((spec, input) =>
    spec.shape.flatMap((size, axis) =>
      size >= 0 || (batched && axis === 0) ? [] : [{ name: dimensionName(spec, axis), input, axis }],
    ),
  );
}

function rowsAxis(inputs: readonly TensorSpec[], rowsMax: number): Axis | undefined {
  const name = inputs[0]?.dimensionNames[0];
  return rowsMax > 0 && name ? { name, input: 0, axis: 0 } : undefined;
}

/** Empty where the file does not say how large it will be, or where it has the same size always. */
function derivedOutput(
  { datatype, shape, dimensionNames }: TensorSpec,
  axisOfSize: ReadonlyMap<string, Axis>,
): { elementBytes: number; axes: Axis[] }[] {
  const axes = shape.flatMap((size, axis) => (size >= 0 ? [] : [axisOfSize.get(dimensionNames[axis] || '')]));
  const known = axes.filter((axis) => axis !== undefined);
  if (datatype === 'BYTES' || known.length === 0 || known.length < axes.length) return [];
  const fixed = shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  return [{ elementBytes: dataTypes[datatype].bytes * fixed, axes: known }];
}

function productOf(axes: readonly Axis[], inputs: readonly Pick<Tensor, 'shape'>[]): number {
  let product = 1;
  for (const { input, axis } of axes) product *= inputs[input]!.shape[axis]!;
  return product;
}

function sizesOf(axes: readonly Axis[], inputs: readonly Pick<Tensor, 'shape'>[]): string {
  return axes
    .slice(0, 8)
    .map(({ name, input, axis }) => `${name.slice(0, 60)} = ${inputs[input]!.shape[axis]}`)
    .join(', ');
}

function tooLarge(model: string, state: string, remedy: string): ServiceError {
  return new ServiceError(
    'invalid_input',
    say`Cannot run model ${ours(model)}: ${ours(state)}; send less at once, or ${ours(remedy)}.`,
  );
}

function tooSmall(model: string, state: string): ServiceError {
  return new ServiceError(
    'invalid_input',
    say`Cannot run model ${ours(model)}: ${ours(state)}; send more, or set dimensions_min in model.json where the model takes it empty.`,
  );
}

function unknownDimension(model: string, name: string, names: readonly string[]): ServiceError {
  return new ServiceError(
    'invalid_model',
    say`Cannot load model ${ours(model)}: model.json bounds the dimension "${name.slice(0, 100)}", which no input has free; its free dimensions are ${ours(names.join(', ') || 'none')}.`,
  );
}
