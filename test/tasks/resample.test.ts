import assert from 'node:assert/strict';
import fc from 'fast-check';
import { resample, StreamResampler } from '../../src/audio/resample.ts';

describe('resampling in pieces', () => {
  it('gives the same samples as resampling the whole, whatever the pieces', () => {
    const rate = fc.constantFrom(8000, 16_000, 22_050, 44_100, 48_000);
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 8 }),
        (from, to, lengths) => {
          fc.pre(from !== to);
          const whole = Float32Array.from({ length: lengths.reduce((sum, length) => sum + length, 0) }, (_, at) =>
            Math.sin(at * at),
          );
          const resampler = new StreamResampler(from, to);
          const starts = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0));
          const pieces = lengths.map((length, index) =>
            resampler.next(whole.subarray(starts[index], (starts[index] ?? 0) + length)),
          );
          assert.deepEqual(
            [...pieces, resampler.end()].flatMap((piece) => [...piece]),
            [...resample(whole, from, to)],
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it('gives the same samples for rates that share nothing', () => {
    const whole = Float32Array.from({ length: 3000 }, (_, at) => Math.sin(at * at));
    const resampler = new StreamResampler(44_101, 16_000);
    const pieces = [0, 1000, 2000].map((at) => resampler.next(whole.subarray(at, at + 1000)));
    assert.deepEqual(
      [...pieces, resampler.end()].flatMap((piece) => [...piece]),
      [...resample(whole, 44_101, 16_000)],
    );
  });

  it('keeps no more than its filter reaches', () => {
    const resampler = new StreamResampler(44_100, 48_000);
    const piece = new Float32Array(10_000);
    const given = Array.from({ length: 20 }, () => resampler.next(piece).length).reduce(
      (sum, length) => sum + length,
      0,
    );
    assert.ok(Math.abs(given - (200_000 * 48) / 44.1) < 100, `${given}`);
  });
});
