import type { TensorSpec } from './registry/tensor-spec.ts';
import { arrayOver, type DataType, dataTypes, elementsOf, type Tensor } from './tensor.ts';

/** The shapes that made-up inputs take. */
export type ProbeShapes = {
  readonly inputs: readonly TensorSpec[];
  /** Sizes of named free dimensions. */
  readonly probe_dimensions: Readonly<Record<string, number>>;
  /** Size of the first dimension where it is free. Absent: that of its name. */
  readonly rows?: number;
  /** Size of free dimensions that are not named. Absent: 1. */
  readonly freeSize?: number;
};

/**
 * `usual`: from −1 to 1. `large` and `small`: a hundred times as much, a hundredth. `positive` and
 * `negative`: without the other sign. `odd`: some are infinite or no number. Integers and booleans
 * are 0 or 1, so that they can be indices; in `large` they go up to 7.
 */
export type ProbeValues = 'usual' | 'large' | 'small' | 'positive' | 'negative' | 'zero' | 'odd';

/** One row of made-up inputs, the same for the same seed. */
export function makeProbe(shapes: ProbeShapes, seed: number, values: ProbeValues = 'usual'): Tensor[] {
  const random = randomFrom(seed);
  return shapes.inputs.map((spec) => {
    const { name, datatype } = spec;
    const shape = shapeOf(spec, shapes);
    const length = elementsOf(shape);
    if (datatype === 'BYTES') return { name, datatype, shape, data: Array.from({ length }, () => textOf(random())) };
    const buffer = new ArrayBuffer(length * dataTypes[datatype].bytes);
    const data = arrayOver(datatype, buffer, 0, length);
    const numbers = datatype === 'FP16' ? new Float16Array(buffer) : data;
    for (let at = 0; at < length; at += 1) {
      const value = isReal(datatype) ? realOf(random(), values) : wholeOf(random(), datatype, values);
      if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) numbers[at] = BigInt(value);
      else numbers[at] = value;
    }
    return { name, datatype, shape, data };
  });
}

/** Elements in all of its inputs together. */
export function elementsOfProbe(shapes: ProbeShapes): number {
  return shapes.inputs.reduce((sum, spec) => sum + elementsOf(shapeOf(spec, shapes)), 0);
}

/** What its inputs would hold, without making them; a text counts as one byte. */
export function bytesOfProbe(shapes: ProbeShapes): number {
  return shapes.inputs.reduce(
    (sum, spec) => sum + elementsOf(shapeOf(spec, shapes)) * Math.max(1, dataTypes[spec.datatype].bytes),
    0,
  );
}

function shapeOf(
  { shape, dimensionNames }: TensorSpec,
  { rows, freeSize = 1, probe_dimensions }: ProbeShapes,
): number[] {
  return shape.map((size, axis) => {
    if (size >= 0) return size;
    if (axis === 0 && rows !== undefined) return rows;
    return probe_dimensions[dimensionNames[axis] ?? ''] ?? freeSize;
  });
}

function isReal(datatype: DataType): boolean {
  return datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
}

function textOf(value: number): string {
  return value < 0 ? 'a' : 'b';
}

function realOf(value: number, values: ProbeValues): number {
  switch (values) {
    case 'usual':
      return value;
    case 'large':
      return value * 100;
    case 'small':
      return value / 100;
    case 'positive':
      return Math.abs(value);
    case 'negative':
      return -Math.abs(value);
    case 'zero':
      return 0;
    case 'odd':
      return Math.abs(value) < 0.8
        ? value
        : Math.abs(value) < 0.9
          ? Number.NaN
          : Math.sign(value) * Number.POSITIVE_INFINITY;
  }
}

function wholeOf(value: number, datatype: DataType, values: ProbeValues): number {
  if (values === 'zero') return 0;
  return values === 'large' && datatype !== 'BOOL' ? Math.floor((value + 1) * 4) % 8 : Number(value >= 0);
}

/**
 * From −1 to 1, the same every time (a linear congruential generator: enough to give two rows
 * different numbers).
 */
function randomFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
