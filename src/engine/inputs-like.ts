import { bytesOfProbe, makeProbe } from './make-probe.ts';
import type { Manifest } from './registry/manifest.ts';
import { bytesOfAll, type Tensor } from './tensor.ts';

/** Inputs with made-up values; `isExact`: a request of so many rows and bytes had these shapes. */
export type InputsLike = { readonly inputs: readonly Tensor[]; readonly isExact: boolean };

/**
 * Inputs as large as the ones of a request whose rows and bytes are known: where one dimension
 * beside the rows is free, its size follows; where several are, they are taken as equal.
 * Undefined: nothing has so many bytes.
 */
export function inputsLike(
  manifest: Pick<Manifest, 'inputs' | 'batching'>,
  of: { rows: number; bytes: number; bytesMax: number },
): InputsLike | undefined {
  const { inputs, batching } = manifest;
  const rows = batching.rows_max > 0 ? { rows: of.rows } : {};
  const free = freeNames(manifest);
  if (free.size === 0) {
    const made = makeProbe({ inputs, probe_dimensions: {}, ...rows }, 1);
    return bytesOfAll(made) === of.bytes ? { inputs: made, isExact: true } : undefined;
  }
  let low = 0;
  let high = 1;
  const bytesAt = (freeSize: number) => bytesOfProbe({ inputs, probe_dimensions: {}, freeSize, ...rows });
  while (bytesAt(high) < of.bytes) {
    if (bytesAt(high) > of.bytesMax || high > Number.MAX_SAFE_INTEGER / 4) return undefined;
    low = high;
    high *= 2;
  }
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (bytesAt(middle) < of.bytes) low = middle;
    else high = middle;
  }
  const size = bytesAt(low) === of.bytes ? low : high;
  if (bytesAt(size) > of.bytesMax) return undefined;
  const isExact = free.size === 1 && bytesAt(size) === of.bytes;
  return { inputs: makeProbe({ inputs, probe_dimensions: {}, freeSize: size, ...rows }, 1), isExact };
}

/** The free dimensions beside the rows, each name once; those without one each count. */
function freeNames({ inputs, batching }: Pick<Manifest, 'inputs' | 'batching'>): Set<string> {
  const first = batching.rows_max > 0 ? 1 : 0;
  return new Set(
    inputs.flatMap(({ name, shape, dimensionNames }) =>
      shape.flatMap((size, axis) => (size >= 0 || axis < first ? [] : [dimensionNames[axis] || `${name}[${axis}]`])),
    ),
  );
}
