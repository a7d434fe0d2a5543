/**
 * Another sample rate, by a polyphase filter: a sinc under a Kaiser window with 60 dB of rejection and a roll-off of a tenth of the
 * pass band, as Octave's `resample` and pystoi design it. The answer has ceil(length · to / from) samples.
 */
export function resample(samples: Float32Array, fromHz: number, toHz: number): Float32Array {
  const common = greatestCommonDivisor(fromHz, toHz);
  const [up, down] = [toHz / common, fromHz / common];
  if (up === 1 && down === 1) return samples;
  const filter = lowPass(up, down);
  const half = (filter.length - 1) / 2;
  const output = new Float32Array(Math.ceil((samples.length * up) / down));
  for (let at = 0; at < output.length; at += 1) {
    // Only every up-th of the stretched samples is not zero: sample k stands at k · up, the filter's middle at at · down.
    const middle = at * down;
    const first = Math.max(0, Math.ceil((middle - half) / up));
    const last = Math.min(samples.length - 1, Math.floor((middle + half) / up));
    let sum = 0;
    for (let k = first, tap = middle - first * up + half; k <= last; k += 1, tap -= up) {
      sum += (samples[k] as number) * (filter[tap] as number);
    }
    output[at] = sum;
  }
  return output;
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
