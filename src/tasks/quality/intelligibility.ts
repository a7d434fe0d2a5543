import { StreamResampler } from '../../audio/resample.ts';
import { FourierTransform } from '../mathematics/fourier-transform.ts';
import { ofOneLength } from './signal-to-noise.ts';

// The figures of the measure's definition.
const rateHz = 10_000;
const frameSamples = 256;
const hopSamples = 128;
const transformSize = 512;
const bands = 15;
const lowestBandHz = 150;
const segmentFrames = 30;
const silenceDb = 40;
const distortionDbMax = 15;
const tiny = Number.EPSILON;

/**
 * Short-time objective intelligibility (Taal et al. 2011) of degraded speech against the clean one,
 * about 0 to 1; the same figures as pystoi. Takes pairs of pieces of one length. It keeps 10 000
 * samples a second, because silence depends on the loudest frame of all.
 */
export class IntelligibilityMeter {
  readonly #clean: Track;
  readonly #degraded: Track;

  constructor(sampleRateHz: number) {
    this.#clean = new Track(sampleRateHz);
    this.#degraded = new Track(sampleRateHz);
  }

  add(clean: Float32Array, degraded: Float32Array): void {
    this.#clean.add(clean);
    this.#degraded.add(degraded);
  }

  /**
   * The result for the whole sound; call it last. Undefined where less than 30 frames (about 0.4 s)
   * of speech are left once silence is taken out.
   */
  end(): number | undefined {
    const [reference, other] = [this.#clean.end(), this.#degraded.end()];
    const starts = framesOfSpeech(reference);
    const [referenceBands, otherBands] = [bandLevels(reference, starts), bandLevels(other, starts)];
    const frames = referenceBands.length / bands;
    if (frames < segmentFrames) return undefined;
    let sum = 0;
    for (let start = 0; start + segmentFrames <= frames; start += 1) {
      for (let band = 0; band < bands; band += 1) sum += segmentCorrelation(referenceBands, otherBands, start, band);
    }
    return sum / (bands * (frames - segmentFrames + 1));
  }
}

export function shortTimeIntelligibility(
  clean: Float32Array,
  degraded: Float32Array,
  sampleRateHz: number,
): number | undefined {
  const meter = new IntelligibilityMeter(sampleRateHz);
  meter.add(...ofOneLength(clean, degraded));
  return meter.end();
}

/** One sound at the measure's rate. */
class Track {
  readonly #resampler: StreamResampler;
  #samples = new Float32Array(60 * rateHz);
  #length = 0;

  constructor(sampleRateHz: number) {
    this.#resampler = new StreamResampler(sampleRateHz, rateHz);
  }

  add(samples: Float32Array): void {
    this.#keep(this.#resampler.next(samples));
  }

  end(): Float32Array {
    this.#keep(this.#resampler.end());
    return this.#samples.subarray(0, this.#length);
  }

  #keep(samples: Float32Array): void {
    if (this.#length + samples.length > this.#samples.length) {
      const larger = new Float32Array(Math.max(this.#length + samples.length, Math.ceil(1.5 * this.#samples.length)));
      larger.set(this.#samples);
      this.#samples = larger;
    }
    this.#samples.set(samples, this.#length);
    this.#length += samples.length;
  }
}

/** Where the frames begin that are within 40 dB of the loudest. */
function framesOfSpeech(samples: Float32Array): number[] {
  const levels: number[] = [];
  for (let start = 0; start + frameSamples <= samples.length; start += hopSamples) {
    let power = 0;
    for (let n = 0; n < frameSamples; n += 1) power += ((samples[start + n] as number) * (window[n] as number)) ** 2;
    levels.push(20 * Math.log10(Math.sqrt(power) + tiny));
  }
  const loudest = levels.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return levels.flatMap((level, index) => (level > loudest - silenceDb ? [index * hopSamples] : []));
}

/**
 * The level of every third-octave band in every frame, one frame after the other, of the signal
 * without its silence: its windowed frames, each half over the one before. That signal is made only
 * a frame at a time.
 */
function bandLevels(samples: Float32Array, starts: readonly number[]): Float64Array {
  const transform = new FourierTransform(transformSize);
  const frames = Math.max(0, starts.length - 1);
  const levels = new Float64Array(frames * bands);
  const windowed = (frame: number, n: number) =>
    (samples[(starts[frame] as number) + n] as number) * (window[n] as number);
  for (let frame = 0; frame < frames; frame += 1) {
    const real = new Float64Array(transformSize);
    const imaginary = new Float64Array(transformSize);
    for (let n = 0; n < hopSamples; n += 1) {
      const before = frame === 0 ? 0 : windowed(frame - 1, n + hopSamples);
      real[n] = (before + windowed(frame, n)) * (window[n] as number);
      real[n + hopSamples] =
        (windowed(frame, n + hopSamples) + windowed(frame + 1, n)) * (window[n + hopSamples] as number);
    }
    transform.forward(real, imaginary);
    bandEdges.forEach(([low, high], band) => {
      let power = 0;
      for (let bin = low; bin < high; bin += 1) power += (real[bin] as number) ** 2 + (imaginary[bin] as number) ** 2;
      levels[frame * bands + band] = Math.sqrt(power);
    });
  }
  return levels;
}

/**
 * How alike the two envelopes of one band are over one segment, once the degraded one is scaled and
 * its errors are bounded.
 */
function segmentCorrelation(reference: Float64Array, other: Float64Array, start: number, band: number): number {
  let [xPower, yPower] = [0, 0];
  for (let n = 0; n < segmentFrames; n += 1) {
    const x = reference[(start + n) * bands + band] as number;
    const y = other[(start + n) * bands + band] as number;
    xs[n] = x;
    ys[n] = y;
    xPower += x * x;
    yPower += y * y;
  }
  const scale = Math.sqrt(xPower) / (Math.sqrt(yPower) + tiny);
  const bound = 1 + 10 ** (distortionDbMax / 20);
  let [xSum, ySum] = [0, 0];
  for (let n = 0; n < segmentFrames; n += 1) {
    const y = Math.min((ys[n] as number) * scale, (xs[n] as number) * bound);
    ys[n] = y;
    xSum += xs[n] as number;
    ySum += y;
  }
  let [xx, yy, xy] = [0, 0, 0];
  for (let n = 0; n < segmentFrames; n += 1) {
    const x = (xs[n] as number) - xSum / segmentFrames;
    const y = (ys[n] as number) - ySum / segmentFrames;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  return xy / ((Math.sqrt(xx) + tiny) * (Math.sqrt(yy) + tiny));
}

/** One segment of one band at a time; written over by the next. */
const xs = new Float64Array(segmentFrames);
const ys = new Float64Array(segmentFrames);

/** Hann without its two zeros. */
const window = Float64Array.from(
  { length: frameSamples },
  (_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (n + 1)) / (frameSamples + 1)),
);

/** First bin, and the one after the last, of each third-octave band. */
const bandEdges = Array.from({ length: bands }, (_, band): [number, number] => {
  const bin = (sixths: number) => Math.round((lowestBandHz * 2 ** (sixths / 6) * transformSize) / rateHz);
  return [bin(2 * band - 1), bin(2 * band + 1)];
});
