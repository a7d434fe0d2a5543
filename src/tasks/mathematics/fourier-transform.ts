/**
 * The discrete Fourier transform of one size, a power of two, in place on separate real and
 * imaginary parts; the inverse divides by the size.
 */
export class FourierTransform {
  readonly size: number;
  readonly #cosines: Float64Array;
  readonly #sines: Float64Array;
  readonly #reversed: Uint32Array;

  constructor(size: number) {
    if (size < 2 || !Number.isInteger(Math.log2(size)))
      throw new RangeError(`Cannot transform ${size} values: a power of two is needed.`);
    const bits = Math.log2(size);
    this.size = size;
    this.#cosines = Float64Array.from({ length: size / 2 }, (_, n) => Math.cos((2 * Math.PI * n) / size));
    this.#sines = Float64Array.from({ length: size / 2 }, (_, n) => Math.sin((2 * Math.PI * n) / size));
    this.#reversed = new Uint32Array(size);
    for (let n = 1; n < size; n += 1) {
      this.#reversed[n] = ((this.#reversed[n >> 1] as number) >> 1) | ((n & 1) << (bits - 1));
    }
  }

  forward(real: Float64Array, imaginary: Float64Array): void {
    this.#reorder(real);
    this.#reorder(imaginary);
    for (let half = 1; half < this.size; half *= 2) {
      const stride = this.size / (2 * half);
      for (let start = 0; start < this.size; start += 2 * half) {
        for (let k = 0; k < half; k += 1) this.#butterfly(real, imaginary, start + k, start + k + half, k * stride);
      }
    }
  }

  inverse(real: Float64Array, imaginary: Float64Array): void {
    // With the parts exchanged the forward transform is the inverse one.
    this.forward(imaginary, real);
    for (let n = 0; n < this.size; n += 1) {
      real[n] = (real[n] as number) / this.size;
      imaginary[n] = (imaginary[n] as number) / this.size;
    }
  }

  #butterfly(real: Float64Array, imaginary: Float64Array, a: number, b: number, phase: number): void {
    const cosine = this.#cosines[phase] as number;
    const sine = this.#sines[phase] as number;
    const [x, y] = [real[b] as number, imaginary[b] as number];
    const turnedReal = x * cosine + y * sine;
    const turnedImaginary = y * cosine - x * sine;
    real[b] = (real[a] as number) - turnedReal;
    imaginary[b] = (imaginary[a] as number) - turnedImaginary;
    real[a] = (real[a] as number) + turnedReal;
    imaginary[a] = (imaginary[a] as number) + turnedImaginary;
  }

  #reorder(values: Float64Array): void {
    for (let n = 0; n < this.size; n += 1) {
      const other = this.#reversed[n] as number;
      if (other <= n) continue;
      const kept = values[n] as number;
      values[n] = values[other] as number;
      values[other] = kept;
    }
  }
}
