import { isStrings, type Tensor } from './tensor.ts';

// Kept here because a lane takes the global away from ONNX Runtime.
const HalfArray = Float16Array;

/**
 * Where two answers differ by more than is tolerated, as words; undefined when they agree. An
 * element may differ by absolute + relative × |expected|; NaN agrees with NaN, integers, booleans
 * and strings only with themselves.
 */
export function biggestDifference(
  expected: readonly Tensor[],
  found: readonly Tensor[],
  tolerance: { readonly absolute: number; readonly relative: number },
): string | undefined {
  let worst = 0;
  let words: string | undefined;
  for (const [index, one] of expected.entries()) {
    const other = found[index];
    if (!other || other.shape.join() !== one.shape.join()) {
      return `output ${one.name} has the shape [${other?.shape}] instead of [${one.shape}]`;
    }
    const values = comparable(one);
    const others = comparable(other);
    for (let at = 0; at < values.length; at += 1) {
      const excess = excessOf(values[at], others[at], tolerance);
      if (excess > worst) {
        worst = excess;
        words = `output ${one.name} is ${others[at]} instead of ${values[at]} at element ${at}`;
      }
    }
  }
  return words;
}

function comparable({ datatype, data }: Tensor): ArrayLike<number | bigint | string> {
  if (datatype !== 'FP16' || isStrings(data)) return data;
  return new HalfArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
}

function excessOf(
  expected: number | bigint | string | undefined,
  found: number | bigint | string | undefined,
  { absolute, relative }: { absolute: number; relative: number },
): number {
  if (Object.is(expected, found) || expected === found) return 0;
  if (typeof expected !== 'number' || typeof found !== 'number') return Number.POSITIVE_INFINITY;
  const excess = Math.abs(expected - found) - absolute - relative * Math.abs(expected);
  return Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess;
}
