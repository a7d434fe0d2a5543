/**
 * How a field varies from place to place. `stretch` makes it longer along the columns by that factor.
 * gaussian: smooth blobs; exponential: rough borders; band: a preferred distance, `width` is its relative spread.
 */
export type SpectrumShape =
  | { readonly kind: 'gaussian' | 'exponential'; readonly lengthPixels: number; readonly stretch: number }
  | { readonly kind: 'band'; readonly lengthPixels: number; readonly width: number; readonly stretch: number };

/**
 * The power of each wave of a size × size field (waves 0 … size−1 down and across), scaled so that the field has variance 1 and, its
 * constant part being left out, mean 0. Symmetric in each axis, as the model's transform asks.
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

/** How two places vary together: the field's correlation at every offset, by the spectrum's inverse transform (all real: it is even). */
export function correlationOf(spectrum: Float32Array, size: number): Float64Array {
  const cosines = Float64Array.from({ length: size }, (_, n) => Math.cos((2 * Math.PI * n) / size));
  const rows = new Float64Array(size * size);
  const answer = new Float64Array(size * size);
  // Axis by axis; even in each axis, so that cosines are enough.
  for (let row = 0; row < size; row += 1) {
    for (let offset = 0; offset < size; offset += 1) {
      let sum = 0;
      for (let k = 0; k < size; k += 1)
        sum += (spectrum[row * size + k] as number) * (cosines[(k * offset) % size] as number);
      rows[row * size + offset] = sum;
    }
  }
  for (let down = 0; down < size; down += 1) {
    for (let across = 0; across < size; across += 1) {
      let sum = 0;
      for (let k = 0; k < size; k += 1)
        sum += (rows[k * size + across] as number) * (cosines[(k * down) % size] as number);
      answer[down * size + across] = sum / (size * size);
    }
  }
  return answer;
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
