import { FourierTransform } from '../mathematics/fourier-transform.ts';
import { bothAbove, inverseNormal } from '../mathematics/normal-distribution.ts';
import { correlationOf } from './power-spectrum.ts';

export type MicrostructureStatistics = {
  /** Of the second phase. */
  readonly volumeFraction: number;
  /**
   * The probability that two places so many pixels apart are both of the second phase; along columns
   * and along rows, from 0 to half the size.
   */
  readonly twoPointAcross: readonly number[];
  readonly twoPointDown: readonly number[];
  /** Borders between the phases, in pixel edges a pixel. */
  readonly interfaceDensity: number;
};

/**
 * Statistics of square pictures of two phases (0 and 1) that repeat at their borders, over all
 * samples together.
 */
export function measure(samples: readonly Uint8Array[], size: number): MicrostructureStatistics {
  const lags = size / 2 + 1;
  const pairs = new Float64Array(size * size);
  for (const phases of samples) {
    const own = autocorrelation(phases, size);
    for (let at = 0; at < own.length; at += 1) pairs[at] = (pairs[at] as number) + (own[at] as number) / samples.length;
  }
  return statisticsOf((down, across) => pairs[down * size + across] as number, lags);
}

/**
 * What `measure` would find on the average of endless samples: known exactly for a Gaussian field
 * cut at a level.
 */
export function expected(spectrum: Float32Array, size: number, volumeFraction: number): MicrostructureStatistics {
  const level = inverseNormal(1 - volumeFraction);
  const { across, down } = correlationOf(spectrum, size);
  const pair = (correlation: number | undefined) => bothAbove(level, correlation as number);
  return statisticsOf(
    (rows, columns) => (rows + columns === 0 ? volumeFraction : pair(rows === 0 ? across[columns] : down[rows])),
    size / 2 + 1,
  );
}

/**
 * How close measured statistics are to the expected ones, 0 to 1: one less the mean error of both
 * two-point curves, as a part of what such a curve can differ by (f − f²). Few or small samples
 * lower it by chance; so does a sampler with too few steps.
 */
export function modelAccuracy(measured: MicrostructureStatistics, wanted: MicrostructureStatistics): number {
  const range = wanted.volumeFraction * (1 - wanted.volumeFraction);
  const error = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, at) => sum + Math.abs(value - (b[at] as number)), 0) / a.length;
  const mean =
    (error(measured.twoPointAcross, wanted.twoPointAcross) + error(measured.twoPointDown, wanted.twoPointDown)) / 2;
  return Math.min(1, Math.max(0, 1 - mean / range));
}

/** Pairs are asked for along one axis only: one of the two distances is 0. */
function statisticsOf(pairAt: (down: number, across: number) => number, lags: number): MicrostructureStatistics {
  const volumeFraction = pairAt(0, 0);
  const along = (pair: (lag: number) => number) => Array.from({ length: lags }, (_, lag) => pair(lag));
  return {
    volumeFraction,
    twoPointAcross: along((lag) => pairAt(0, lag)),
    twoPointDown: along((lag) => pairAt(lag, 0)),
    // Neighbours that differ, in both directions: each is twice the drop from lag 0 to lag 1.
    interfaceDensity: 2 * (2 * volumeFraction - pairAt(0, 1) - pairAt(1, 0)),
  };
}

/**
 * The mean power of a field's waves by distance from the constant one (rings one wave wide), 0 …
 * size/2.
 */
export function radialSpectrum(field: Float32Array | Uint8Array, size: number): number[] {
  const values = Float64Array.from(field);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const centred = values.map((value) => value - mean);
  const power = powerOf(centred, size);
  const sums = new Float64Array(size / 2 + 1);
  const counts = new Float64Array(size / 2 + 1);
  power.forEach((value, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    const ring = Math.round(Math.hypot(Math.min(row, size - row), Math.min(column, size - column)));
    if (ring > size / 2) return;
    sums[ring] = (sums[ring] as number) + value / (size * size);
    counts[ring] = (counts[ring] as number) + 1;
  });
  return Array.from(sums, (sum, ring) => sum / (counts[ring] as number));
}

/** The mean of x · x moved, for every way to move it; by the transform of the power. */
function autocorrelation(phases: Uint8Array, size: number): Float64Array {
  const power = powerOf(Float64Array.from(phases), size);
  const imaginary = new Float64Array(size * size);
  transform2d(power, imaginary, size, 'inverse');
  return power.map((value) => value / (size * size));
}

function powerOf(real: Float64Array, size: number): Float64Array {
  const imaginary = new Float64Array(size * size);
  transform2d(real, imaginary, size, 'forward');
  return real.map((value, at) => value ** 2 + (imaginary[at] as number) ** 2);
}

function transform2d(real: Float64Array, imaginary: Float64Array, size: number, way: 'forward' | 'inverse'): void {
  const transform = new FourierTransform(size);
  for (let row = 0; row < size; row += 1) {
    const [from, to] = [row * size, (row + 1) * size];
    transform[way](real.subarray(from, to), imaginary.subarray(from, to));
  }
  const columnReal = new Float64Array(size);
  const columnImaginary = new Float64Array(size);
  for (let column = 0; column < size; column += 1) {
    for (let row = 0; row < size; row += 1) {
      columnReal[row] = real[row * size + column] as number;
      columnImaginary[row] = imaginary[row * size + column] as number;
    }
    transform[way](columnReal, columnImaginary);
    for (let row = 0; row < size; row += 1) {
      real[row * size + column] = columnReal[row] as number;
      imaginary[row * size + column] = columnImaginary[row] as number;
    }
  }
}
