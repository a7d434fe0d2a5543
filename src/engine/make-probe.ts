import type { Manifest } from './registry/manifest.ts';
import { arrayOver, dataTypes, elementsOf, type Tensor } from './tensor.ts';

/**
 * One row of made-up inputs: numbers from −1 to 1, integers and booleans 0 or 1 (so that they are
 * good as indices, too), the same for the same seed. Free dimensions are those of
 * `probe_dimensions`, else 1.
 */
export function makeProbe(manifest: Pick<Manifest, 'inputs' | 'probe_dimensions'>, seed: number): Tensor[] {
  const random = randomFrom(seed);
  return manifest.inputs.map(({ name, datatype, shape: declared, dimensionNames }) => {
    const shape = declared.map((size, axis) =>
      size >= 0 ? size : (manifest.probe_dimensions[dimensionNames[axis] ?? ''] ?? 1),
    );
    const length = elementsOf(shape);
    if (datatype === 'BYTES') {
      return { name, datatype, shape, data: Array.from({ length }, () => (random() < 0 ? 'a' : 'b')) };
    }
    const buffer = new ArrayBuffer(length * dataTypes[datatype].bytes);
    const data = arrayOver(datatype, buffer, 0, length);
    const numbers = datatype === 'FP16' ? new Float16Array(buffer) : data;
    const isReal = datatype === 'FP16' || datatype === 'FP32' || datatype === 'FP64';
    for (let at = 0; at < length; at += 1) {
      const value = random();
      if (numbers instanceof BigInt64Array || numbers instanceof BigUint64Array) numbers[at] = value < 0 ? 0n : 1n;
      else numbers[at] = isReal ? value : Number(value >= 0);
    }
    return { name, datatype, shape, data };
  });
}

/**
 * From −1 to 1, the same every time (a linear congruential generator: good enough to tell two rows
 * apart).
 */
function randomFrom(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
