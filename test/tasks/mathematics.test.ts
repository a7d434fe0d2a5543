import assert from 'node:assert/strict';
import { resample, StreamResampler } from '../../src/audio/resample.ts';
import { FourierTransform } from '../../src/tasks/mathematics/fourier-transform.ts';
import { bothAbove, inverseNormal, normal } from '../../src/tasks/mathematics/normal-distribution.ts';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';

const near = (given: number | undefined, wanted: number, tolerance: number) =>
  assert.ok(given !== undefined && Math.abs(given - wanted) <= tolerance, `${given}, wanted ${wanted} ± ${tolerance}`);

describe('the Fourier transform', () => {
  it('is the sum that defines it, and its inverse undoes it', () => {
    const size = 16;
    const random = new SeededRandom(1, 'transform');
    const real = Float64Array.from({ length: size }, () => random.normal());
    const imaginary = Float64Array.from({ length: size }, () => random.normal());
    const [re, im] = [real.slice(), imaginary.slice()];
    const transform = new FourierTransform(size);
    transform.forward(re, im);
    for (let k = 0; k < size; k += 1) {
      let [sumReal, sumImaginary] = [0, 0];
      for (let n = 0; n < size; n += 1) {
        const angle = (-2 * Math.PI * k * n) / size;
        const [x, y] = [real[n] as number, imaginary[n] as number];
        sumReal += x * Math.cos(angle) - y * Math.sin(angle);
        sumImaginary += x * Math.sin(angle) + y * Math.cos(angle);
      }
      near(re[k], sumReal, 1e-12);
      near(im[k], sumImaginary, 1e-12);
    }
    transform.inverse(re, im);
    re.forEach((value, at) => {
      near(value, real[at] as number, 1e-12);
    });
  });

  it('refuses a size that is no power of two', () => {
    assert.throws(() => new FourierTransform(12), /power of two/);
  });
});

describe('resampling', () => {
  for (const [from, to] of [
    [44_100, 16_000],
    [16_000, 44_100],
    [48_000, 16_000],
    [22_050, 44_100],
    [44_101, 16_000],
    [15_999, 44_101],
  ] as const) {
    it(`from ${from} to ${to} Hz keeps a sine of 1 kHz`, () => {
      const wave = (rate: number) =>
        Float32Array.from({ length: Math.ceil(rate / 5) }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / rate));
      const [given, wanted] = [resample(wave(from), from, to), wave(to)];
      assert.ok(Math.abs(given.length - wanted.length) <= (from % 50 === 0 ? 0 : 1), `${given.length}`);
      // The ends have only half a filter's worth of neighbours.
      for (let at = 400; at < wanted.length - 400; at += 1) near(given[at], wanted[at] as number, 2e-3);
    });
  }

  it('takes away what the lower rate cannot carry', () => {
    const high = Float32Array.from({ length: 8820 }, (_, n) => Math.sin((2 * Math.PI * 12_000 * n) / 44_100));
    const left = resample(high, 44_100, 16_000).subarray(300, -300);
    assert.ok(left.every((value) => Math.abs(value) < 2e-3));
  });

  it('takes a few megabytes for rates that share nothing', () => {
    const before = process.memoryUsage().arrayBuffers;
    const resampler = new StreamResampler(191_999, 16_000);
    assert.ok(process.memoryUsage().arrayBuffers - before < 64e6);
    const wave = (rate: number) =>
      Float32Array.from({ length: Math.ceil(rate / 10) }, (_, n) => Math.sin((2 * Math.PI * 1000 * n) / rate));
    const given = resampler.next(wave(191_999));
    const wanted = wave(16_000);
    for (let at = 400; at < given.length - 400; at += 1) near(given[at], wanted[at] as number, 2e-3);
  });

  it('leaves the same rate alone', () => {
    const samples = Float32Array.of(1, 2, 3);
    assert.equal(resample(samples, 8000, 8000), samples);
  });
});

describe('the normal distribution', () => {
  it('has the values of the tables', () => {
    near(normal(1.959963984540054), 0.975, 1e-12);
    near(normal(-4), 3.167124183311992e-5, 1e-16);
    near(inverseNormal(0.5), 0, 1e-12);
    near(inverseNormal(0.9), 1.2815515655446004, 1e-10);
  });

  it('knows how often two are above a level together', () => {
    near(bothAbove(0, 0.5), 1 / 4 + Math.asin(0.5) / (2 * Math.PI), 1e-12);
    near(bothAbove(1, 0), (1 - normal(1)) ** 2, 1e-12);
    near(bothAbove(1, 1), 1 - normal(1), 1e-6);
  });
});

describe('seeded random numbers', () => {
  it('are these, on every machine', () => {
    const random = new SeededRandom(1, 'check');
    assert.deepEqual([random.uniform(), random.uniform()], [0.11706700458091412, 0.9768388955563602]);
  });

  it('have the mean and the variance of their distribution', () => {
    const random = new SeededRandom(2, 'moments');
    const normals = random.normals(100_000);
    const mean = normals.reduce((sum, value) => sum + value, 0) / normals.length;
    const variance = normals.reduce((sum, value) => sum + value ** 2, 0) / normals.length;
    near(mean, 0, 0.015);
    near(variance, 1, 0.02);
  });

  it('differ by seed and by purpose', () => {
    const first = (seed: number, purpose: string) => new SeededRandom(seed, purpose).uniform();
    const all = [first(1, 'a'), first(2, 'a'), first(1, 'b'), first(1.5, 'a'), first(-1, 'a')];
    assert.equal(new Set(all).size, all.length);
  });
});
