/**
 * How a field varies from place to place. `stretch` makes it longer along the columns by that
 * factor. gaussian: smooth blobs; exponential: rough borders; band: a preferred distance, `width`
 * is its relative spread.
 */
export type SpectrumShape =
  | { readonly kind: 'gaussian' | 'exponential'; readonly lengthPixels: number; readonly stretch: number }
  | { readonly kind: 'band'; readonly lengthPixels: number; readonly width: number; readonly stretch: number };

/**
 * The power of each wave of a size × size field (waves 0 … size−1 down and across), scaled so that
 * the field has variance 1 and, its constant part being left out, mean 0. Symmetric in each axis,
 * as the model's transform asks.
 */
export function powerSpectrum(shape: SpectrumShape, size: number): Float32Array {
  const power = new Float64Array(size * size);
  let sum = 0;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      if (row === 0 && column === 0) continue;
      const value = powerAt(shape, Math.hypot(wave(row, size), wave(column, size) * shape.stretch));
      power[row * size + column] = value;
      sum += value;
    }
  }
  return Float32Array.from(power, (value) => (value * size * size) / sum);
}

/**
 * How a field's values at two places go together, by how far they are apart along the rows or down
 * the columns: −1 to 1, from 0 to size−1 pixels.
 */
export function correlationOf(spectrum: Float32Array, size: number): { across: Float64Array; down: Float64Array } {
  const byColumn = new Float64Array(size);
  const byRow = new Float64Array(size);
  spectrum.forEach((power, at) => {
    byColumn[at % size] = (byColumn[at % size] as number) + power;
    byRow[Math.floor(at / size)] = (byRow[Math.floor(at / size)] as number) + power;
  });
  // The inverse transform along an axis of what is summed over the other; the spectrum is even, so
  // cosines are enough.
  const along = (powers: Float64Array) =>
    Float64Array.from({ length: size }, (_, lag) => {
      let sum = 0;
      for (let k = 0; k < size; k += 1)
        sum += (powers[k] as number) * Math.cos((2 * Math.PI * ((k * lag) % size)) / size);
      return sum / (size * size);
    });
  return { across: along(byColumn), down: along(byRow) };
}

function powerAt(shape: SpectrumShape, wavenumber: number): number {
  const reach = wavenumber * shape.lengthPixels;
  switch (shape.kind) {
    case 'gaussian':
      return Math.exp(-(reach ** 2) / 2);
    case 'exponential':
      return (1 + reach ** 2) ** -1.5;
    case 'band': {
      const preferred = (2 * Math.PI) / shape.lengthPixels;
      return Math.exp(-(((wavenumber / preferred - 1) / shape.width) ** 2) / 2);
    }
  }
}

/** In radians a pixel; the upper half are the negative ones. */
function wave(index: number, size: number): number {
  return (2 * Math.PI * Math.min(index, size - index)) / size;
}
