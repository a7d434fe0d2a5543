import { arrayAt } from '../../http/json/json-fields.ts';
import { malformed, quoted } from '../../http/json/malformed.ts';

// ONNX Runtime takes more; no model has more, and every dimension costs a check.
const dimensionsMax = 32;

/**
 * A shape as the caller wrote it, checked: whole numbers whose product is a number of elements that
 * can be counted.
 */
export function readShape(value: unknown, where: string): readonly number[] {
  const shape = arrayAt(value, where);
  if (shape.length > dimensionsMax)
    throw malformed(where, `has ${shape.length} dimensions; at most ${dimensionsMax} are taken`);
  for (let axis = 0; axis < shape.length; axis += 1) {
    const size = shape[axis];
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
      throw malformed(`${where}[${axis}]`, `is ${quoted(size)}; a whole number of at least 0 is wanted`);
  }
  return shape as readonly number[];
}

export function elementCount(shape: readonly number[], where: string): number {
  let count = 1;
  for (const size of shape) count *= size;
  if (!Number.isSafeInteger(count)) throw malformed(where, `says ${quoted(shape)}: more elements than can be counted`);
  return count;
}
