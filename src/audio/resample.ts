/**
 * Another sample rate, by a polyphase filter as Octave's `resample` and pystoi design it: a sinc
 * under a Kaiser window, 60 dB of rejection, a roll-off of a tenth of the pass band.
 * The result has ceil(length · to / from) samples.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  const common = greatestCommonDivisor(fromHz, toHz);
  const [up, down] = [toHz / common, fromHz / common];
  if (up === 1 && down === 1) return samples;
  const filter = new PolyphaseFilter(up, down);
  const output = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let at = 0; at < output.length; at += 1) {
    // Sample k stands at k · up of the stretched line (the rest is zero), the filter's middle at at ·
    // down.
    const { taps, before } = filter.phase((at * down) % up);
    const start = Math.floor((at * down) / up) - before;
    const from = Math.max(0, -start);
    const to = Math.min(taps.length, samples.length - start);
    let sum = 0;
    for (let tap = from; tap < to; tap += 1) sum += (samples[start + tap] as number) * (taps[tap] as number);
    output[at] = sum;
  }
  return output;
}

/**
 * The same for a sound that comes in pieces: their answers, one after the other, are the answer for
 * the whole.
 */
export class StreamResampler {
  readonly #up: number;
  readonly #down: number;
  readonly #filter: PolyphaseFilter | undefined;
  /** What is still needed of the samples so far, and how many came before it. */
  #held = new Float32Array();
  #heldFrom = 0;
  #made = 0;

  constructor(fromHz: number, toHz: number) {
    const common = greatestCommonDivisor(fromHz, toHz);
    this.#up = toHz / common;
    this.#down = fromHz / common;
    this.#filter = this.#up === this.#down ? undefined : new PolyphaseFilter(this.#up, this.#down);
  }

  next(samples: Float32Array): Float32Array {
    const filter = this.#filter;
    if (!filter) return samples;
    const joined = new Float32Array(this.#held.length + samples.length);
    joined.set(this.#held);
    joined.set(samples, this.#held.length);
    this.#held = joined;
    const received = this.#heldFrom + joined.length;
    const output: number[] = [];
    for (;;) {
      const { taps, before } = filter.phase((this.#made * this.#down) % this.#up);
      const start = Math.floor((this.#made * this.#down) / this.#up) - before;
      if (start + taps.length > received) break;
      output.push(this.#at(start, taps));
    }
    const { before } = filter.phase((this.#made * this.#down) % this.#up);
    const needed = Math.max(this.#heldFrom, Math.floor((this.#made * this.#down) / this.#up) - before - 1);
    this.#held = this.#held.slice(needed - this.#heldFrom);
    this.#heldFrom = needed;
    return Float32Array.from(output);
  }

  /** What is left when no more samples come. */
  end(): Float32Array {
    const filter = this.#filter;
    if (!filter) return new Float32Array();
    const received = this.#heldFrom + this.#held.length;
    const output = new Float32Array(Math.max(0, Math.ceil((received * this.#up) / this.#down) - this.#made));
    for (let at = 0; at < output.length; at += 1) {
      const { taps, before } = filter.phase((this.#made * this.#down) % this.#up);
      output[at] = this.#at(Math.floor((this.#made * this.#down) / this.#up) - before, taps);
    }
    return output;
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

/**
 * The taps that meet samples when the filter's middle is so far behind one, in the samples' order;
 * `before`: how many lie before that one.
 */
type Phase = { readonly taps: Float64Array; readonly before: number };

/**
 * Rates that share little have as many phases as hertz. Beyond this many, phases are interpolated
 * between so many: 130 dB are lost in between.
 */
const phasesMax = 2048;

class PolyphaseFilter {
  readonly #up: number;
  readonly #phases: readonly Phase[];
  /** What is interpolated; written over by the next. Undefined where every phase is there. */
  readonly #between: Phase | undefined;

  constructor(up: number, down: number) {
    this.#up = up;
    const filter = new LowPass(up, down);
    this.#phases = up <= phasesMax ? polyphase(filter, up) : tabulated(filter, up);
    if (up > phasesMax)
      this.#between = { ...(this.#phases[0] as Phase), taps: new Float64Array(this.#phases[0]?.taps.length ?? 0) };
  }

  /**
   * The phase whose middle lies `behind` / up behind a sample; to be used before the next is asked
   * for.
   */
  phase(behind: number): Phase {
    if (!this.#between) return this.#phases[behind] as Phase;
    const place = (behind / this.#up) * phasesMax;
    const below = Math.floor(place);
    const share = place - below;
    const [one, next] = [(this.#phases[below] as Phase).taps, (this.#phases[below + 1] as Phase).taps];
    const { taps } = this.#between;
    for (let tap = 0; tap < taps.length; tap += 1)
      taps[tap] = (one[tap] as number) + share * ((next[tap] as number) - (one[tap] as number));
    return this.#between;
  }
}

function polyphase(filter: LowPass, up: number): Phase[] {
  const values = new Float64Array(2 * filter.half + 1);
  let sum = 0;
  for (let at = 0; at < values.length; at += 1) {
    values[at] = filter.at(at - filter.half);
    sum += values[at] as number;
  }
  return Array.from({ length: up }, (_, behind) => {
    const before = Math.floor((filter.half - behind) / up);
    const after = Math.floor((filter.half + behind) / up);
    const taps = Float64Array.from(
      { length: before + after + 1 },
      (_, tap) => ((values[filter.half + behind - (tap - before) * up] as number) * up) / sum,
    );
    return { taps, before };
  });
}

/** One more than there are steps, all of one length, with zeros where the filter does not reach. */
function tabulated(filter: LowPass, up: number): Phase[] {
  const before = Math.ceil(filter.half / up);
  let sum = 0;
  const phases = Array.from({ length: phasesMax + 1 }, (_, step) => {
    const taps = Float64Array.from({ length: 2 * before + 2 }, (_, tap) =>
      filter.at((step / phasesMax + before - tap) * up),
    );
    if (step < phasesMax) sum += taps.reduce((one, other) => one + other, 0);
    return { taps, before };
  });
  for (const { taps } of phases)
    for (let tap = 0; tap < taps.length; tap += 1) taps[tap] = ((taps[tap] as number) * phasesMax) / sum;
  return phases;
}

/** The filter over the stretched line, not yet scaled. */
class LowPass {
  /** How far it reaches on both sides. */
  readonly half: number;
  readonly #cutOff: number;
  readonly #beta: number;
  readonly #top: number;

  constructor(up: number, down: number) {
    const rejectionDb = 60;
    this.#cutOff = 1 / (2 * Math.max(up, down));
    this.half = Math.ceil((rejectionDb - 8) / (28.714 * (this.#cutOff / 10)));
    this.#beta = 0.1102 * (rejectionDb - 8.7);
    this.#top = bessel(this.#beta);
  }

  at(n: number): number {
    if (Math.abs(n) > this.half) return 0;
    const x = 2 * this.#cutOff * n;
    const sinc = n === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
    return sinc * (bessel(this.#beta * Math.sqrt(1 - (n / this.half) ** 2)) / this.#top);
  }
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
