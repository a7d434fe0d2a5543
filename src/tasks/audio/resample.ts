/**
 * Another sample rate, by a polyphase filter: a sinc under a Kaiser window with 60 dB of rejection and a roll-off of a tenth of the
 * pass band, as Octave's `resample` and pystoi design it. The answer has ceil(length · to / from) samples.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  const common = greatestCommonDivisor(fromHz, toHz);
  const [up, down] = [toHz / common, fromHz / common];
  if (up === 1 && down === 1) return samples;
  const phases = polyphase(lowPass(up, down), up);
  const output = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let at = 0; at < output.length; at += 1) {
    // Sample k stands at k · up of the stretched line (the rest of it is zero), the filter's middle at at · down.
    const { taps, before } = phases[(at * down) % up] as Phase;
    const start = Math.floor((at * down) / up) - before;
    const from = Math.max(0, -start);
    const to = Math.min(taps.length, samples.length - start);
    let sum = 0;
    for (let tap = from; tap < to; tap += 1) sum += (samples[start + tap] as number) * (taps[tap] as number);
    output[at] = sum;
  }
  return output;
}

/** The same for a sound that comes in pieces: their answers, one after the other, are the answer for the whole. */
export class StreamResampler {
  readonly #up: number;
  readonly #down: number;
  readonly #phases: readonly Phase[];
  /** What is still needed of the samples so far, and how many came before it. */
  #held = new Float32Array();
  #heldFrom = 0;
  #made = 0;

  constructor(fromHz: number, toHz: number) {
    const common = greatestCommonDivisor(fromHz, toHz);
    this.#up = toHz / common;
    this.#down = fromHz / common;
    this.#phases = this.#isSame ? [] : polyphase(lowPass(this.#up, this.#down), this.#up);
  }

  next(samples: Float32Array): Float32Array {
    if (this.#isSame) return samples;
    const joined = new Float32Array(this.#held.length + samples.length);
    joined.set(this.#held);
    joined.set(samples, this.#held.length);
    this.#held = joined;
    const received = this.#heldFrom + joined.length;
    const output: number[] = [];
    for (;;) {
      const { taps, before } = this.#phases[(this.#made * this.#down) % this.#up] as Phase;
      const start = Math.floor((this.#made * this.#down) / this.#up) - before;
      if (start + taps.length > received) break;
      output.push(this.#at(start, taps));
    }
    const { before } = this.#phases[(this.#made * this.#down) % this.#up] as Phase;
    const needed = Math.max(this.#heldFrom, Math.floor((this.#made * this.#down) / this.#up) - before - 1);
    this.#held = this.#held.slice(needed - this.#heldFrom);
    this.#heldFrom = needed;
    return Float32Array.from(output);
  }

  /** What is left when no more samples come. */
  end(): Float32Array {
    if (this.#isSame) return new Float32Array();
    const received = this.#heldFrom + this.#held.length;
    const output = new Float32Array(Math.max(0, Math.ceil((received * this.#up) / this.#down) - this.#made));
    for (let at = 0; at < output.length; at += 1) {
      const { taps, before } = this.#phases[(this.#made * this.#down) % this.#up] as Phase;
      output[at] = this.#at(Math.floor((this.#made * this.#down) / this.#up) - before, taps);
    }
    return output;
  }

  get #isSame(): boolean {
    return this.#up === 1 && this.#down === 1;
  }

  #at(start: number, taps: Float64Array): number {
    const received = this.#heldFrom + this.#held.length;
    const from = Math.max(0, -start);
    const to = Math.min(taps.length, received - start);
    let sum = 0;
    for (let tap = from; tap < to; tap += 1)
      sum += (this.#held[start - this.#heldFrom + tap] as number) * (taps[tap] as number);
    this.#made += 1;
    return sum;
  }
}

/** The taps that meet samples when the filter's middle is so far behind one, in the samples' order; `before`: how many lie before that one. */
type Phase = { readonly taps: Float64Array; readonly before: number };

function polyphase(filter: Float64Array, up: number): Phase[] {
  const half = (filter.length - 1) / 2;
  return Array.from({ length: up }, (_, behind) => {
    const before = Math.floor((half - behind) / up);
    const after = Math.floor((half + behind) / up);
    const taps = Float64Array.from(
      { length: before + after + 1 },
      (_, tap) => filter[half + behind - (tap - before) * up] as number,
    );
    return { taps, before };
  });
}

function lowPass(up: number, down: number): Float64Array {
  const rejectionDb = 60;
  const cutOff = 1 / (2 * Math.max(up, down));
  const half = Math.ceil((rejectionDb - 8) / (28.714 * (cutOff / 10)));
  const beta = 0.1102 * (rejectionDb - 8.7);
  const filter = new Float64Array(2 * half + 1);
  let sum = 0;
  for (let n = -half; n <= half; n += 1) {
    const x = 2 * cutOff * n;
    const sinc = n === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    const value = sinc * (bessel(beta * Math.sqrt(1 - (n / half) ** 2)) / bessel(beta));
    filter[n + half] = value;
    sum += value;
  }
  return filter.map((value) => (value * up) / sum);
}

/** The modified Bessel function of the first kind and order 0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-16; k += 1) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
