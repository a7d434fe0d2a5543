import assert from 'node:assert/strict';
import { type AlloyName, alloys } from '../../src/tasks/materials/alloys.ts';
import { diffusionSchedule } from '../../src/tasks/materials/diffusion-schedule.ts';
import { expected, measure, modelAccuracy } from '../../src/tasks/materials/microstructure-statistics.ts';
import { correlationOf, powerSpectrum } from '../../src/tasks/materials/power-spectrum.ts';
import { twoPhase } from '../../src/tasks/materials/two-phase.ts';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';
import { session } from './session.ts';

describe('the Gaussian-field diffusion sampler', () => {
  let run: Awaited<ReturnType<typeof session>>;
  before(async () => {
    run = await session('gaussian-field');
  });

  async function sample(spectrum: Float32Array, size: number, samples: number, steps: number, seed: number) {
    const dims = [samples, size, size];
    let field = new SeededRandom(seed, 'start').normals(samples * size * size);
    let estimate = new Float32Array(field.length);
    for (const step of diffusionSchedule(steps, spectrum)) {
      const scalar = (value: number) => ({ dims: [1], data: Float32Array.of(value) });
      const answers = await run({
        field: { dims, data: field },
        previous_estimate: { dims, data: estimate },
        spectrum: { dims: [size, size], data: spectrum },
        signal: scalar(step.signal),
        noise: scalar(step.noise),
        keep: scalar(step.keep),
        pull: scalar(step.pull),
        momentum: scalar(step.momentum),
      });
      field = answers.next?.data as Float32Array<ArrayBuffer>;
      estimate = answers.estimate?.data as Float32Array<ArrayBuffer>;
    }
    return Array.from({ length: samples }, (_, at) => field.slice(at * size * size, (at + 1) * size * size));
  }

  for (const [steps, varianceTolerance, correlationTolerance] of [
    [25, 0.1, 0.03],
    [100, 0.1, 0.03],
  ] as const) {
    it(`has the variance and the correlations of its spectrum after ${steps} steps`, async () => {
      const size = 64;
      const spectrum = powerSpectrum({ kind: 'gaussian', lengthPixels: 4, stretch: 1 }, size);
      const fields = await sample(spectrum, size, 32, steps, 7);
      const wanted = correlationOf(spectrum, size).across;
      const at = (lag: number) => {
        let sum = 0;
        for (const field of fields) {
          field.forEach((value, index) => {
            sum += value * (field[moved(index, lag, size)] as number);
          });
        }
        return sum / (fields.length * size * size);
      };
      const variance = at(0);
      assert.ok(Math.abs(variance - 1) < varianceTolerance, `variance ${variance}`);
      for (const lag of [2, 4, 8]) {
        const correlation = at(lag) / variance;
        assert.ok(
          Math.abs(correlation - (wanted[lag] as number)) < correlationTolerance,
          `lag ${lag}: ${correlation}, wanted ${wanted[lag]}`,
        );
      }
    });
  }

  for (const name of Object.keys(alloys) as AlloyName[]) {
    it(`gives ${name} its volume fraction and its two-point statistics`, async () => {
      const size = 64;
      const { spectrum: shape, volumeFraction } = alloys[name];
      const spectrum = powerSpectrum(shape, size);
      const fields = await sample(spectrum, size, 24, 25, 11);
      const measured = measure(
        fields.map((field) => twoPhase(field, volumeFraction)),
        size,
      );
      const accuracy = modelAccuracy(measured, expected(spectrum, size, volumeFraction));
      assert.ok(Math.abs(measured.volumeFraction - volumeFraction) < 0.03, `${name}: ${measured.volumeFraction}`);
      assert.ok(accuracy > 0.9, `${name}: accuracy ${accuracy}`);
    });
  }

  it('tells a wrong spectrum by its accuracy', async () => {
    const size = 64;
    const fields = await sample(
      powerSpectrum({ kind: 'gaussian', lengthPixels: 2, stretch: 1 }, size),
      size,
      24,
      25,
      3,
    );
    const measured = measure(
      fields.map((field) => twoPhase(field, 0.5)),
      size,
    );
    const coarse = powerSpectrum({ kind: 'gaussian', lengthPixels: 8, stretch: 1 }, size);
    assert.ok(modelAccuracy(measured, expected(coarse, size, 0.5)) < 0.9);
  });

  it('gives the same field for the same seed, and another for another', async () => {
    const spectrum = powerSpectrum({ kind: 'band', lengthPixels: 8, width: 0.2, stretch: 1 }, 32);
    const [first] = await sample(spectrum, 32, 1, 10, 1);
    const [again] = await sample(spectrum, 32, 1, 10, 1);
    const [other] = await sample(spectrum, 32, 1, 10, 2);
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });
});

/** The index of the place so many columns further on, around the border. */
function moved(index: number, lag: number, size: number): number {
  return index - (index % size) + (((index % size) + lag) % size);
}
