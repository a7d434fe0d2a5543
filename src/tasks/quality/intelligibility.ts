import { resample } from '../audio/resample.ts';
import { FourierTransform } from '../mathematics/fourier-transform.ts';

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
 * Short-time objective intelligibility (Taal et al. 2011) of degraded speech against the clean one, about 0 to 1; the same figures as
 * pystoi. Undefined where less than 30 frames (about 0.4 s) of speech are left once silence is taken out.
 */
export function shortTimeIntelligibility(
  clean: Float32Array,
  degraded: Float32Array,
  sampleRateHz: number,
): number | undefined {
  const length = Math.min(clean.length, degraded.length);
  const [reference, other] = withoutSilence(
    resample(clean.subarray(0, length), sampleRateHz, rateHz),
    resample(degraded.subarray(0, length), sampleRateHz, rateHz),
  );
  const referenceBands = bandLevels(reference);
  const otherBands = bandLevels(other);
  const frames = referenceBands.length;
  if (frames < segmentFrames) return undefined;
  let sum = 0;
  for (let start = 0; start + segmentFrames <= frames; start += 1) {
    for (let band = 0; band < bands; band += 1) sum += segmentCorrelation(referenceBands, otherBands, start, band);
  }
  return sum / (bands * (frames - segmentFrames + 1));
}

/** Both signals, rebuilt from those frames in which the first is within 40 dB of its loudest. */
function withoutSilence(reference: Float32Array, other: Float32Array): [Float64Array, Float64Array] {
  const levels: number[] = [];
  for (let start = 0; start + frameSamples <= reference.length; start += hopSamples) {
    let power = 0;
    for (let n = 0; n < frameSamples; n += 1) power += ((reference[start + n] as number) * (window[n] as number)) ** 2;
    levels.push(20 * Math.log10(Math.sqrt(power) + tiny));
  }
  const loudest = levels.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const kept = levels.flatMap((level, index) => (level > loudest - silenceDb ? [index * hopSamples] : []));
  const rebuild = (samples: Float32Array) => {
    const joined = new Float64Array(kept.length === 0 ? 0 : (kept.length - 1) * hopSamples + frameSamples);
    kept.forEach((start, index) => {
      for (let n = 0; n < frameSamples; n += 1) {
        const at = index * hopSamples + n;
        joined[at] = (joined[at] as number) + (samples[start + n] as number) * (window[n] as number);
      }
    });
    return joined;
  };
  return [rebuild(reference), rebuild(other)];
}

/** The level of every third-octave band in every frame. */
function bandLevels(samples: Float64Array): Float64Array[] {
  const transform = new FourierTransform(transformSize);
  const levels: Float64Array[] = [];
  for (let start = 0; start < samples.length - frameSamples; start += hopSamples) {
    const real = new Float64Array(transformSize);
    const imaginary = new Float64Array(transformSize);
    for (let n = 0; n < frameSamples; n += 1) real[n] = (samples[start + n] as number) * (window[n] as number);
    transform.forward(real, imaginary);
    levels.push(
      Float64Array.from(bandEdges, ([low, high]) => {
        let power = 0;
        for (let bin = low; bin < high; bin += 1) power += (real[bin] as number) ** 2 + (imaginary[bin] as number) ** 2;
        return Math.sqrt(power);
      }),
    );
  }
  return levels;
}

/** How alike the two envelopes of one band are over one segment, once the degraded one is scaled and its errors are bounded. */
function segmentCorrelation(reference: Float64Array[], other: Float64Array[], start: number, band: number): number {
  let [xPower, yPower] = [0, 0];
  for (let n = 0; n < segmentFrames; n += 1) {
    const x = (reference[start + n] as Float64Array)[band] as number;
    const y = (other[start + n] as Float64Array)[band] as number;
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
