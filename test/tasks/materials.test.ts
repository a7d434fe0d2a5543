import assert from 'node:assert/strict';
import { type AlloyName, alloys, isAlloyName } from '../../src/tasks/materials/alloys.ts';
import { diffusionSchedule } from '../../src/tasks/materials/diffusion-schedule.ts';
import {
  expected,
  measure,
  modelAccuracy,
  radialSpectrum,
} from '../../src/tasks/materials/microstructure-statistics.ts';
import { correlationOf, powerSpectrum } from '../../src/tasks/materials/power-spectrum.ts';
import { twoPhase } from '../../src/tasks/materials/two-phase.ts';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';

const near = (given: number | undefined, wanted: number, tolerance: number) =>
  assert.ok(given !== undefined && Math.abs(given - wanted) <= tolerance, `${given}, wanted ${wanted} ± ${tolerance}`);

describe('the diffusion schedule', () => {
  // The sampler is linear: what it does to a wave of power S is one factor, and its square should be
  // S. No chance in it.
  const varianceAfter = (steps: number, spectrum: Float32Array) => {
    let variance = 0;
    let wanted = 0;
    const schedule = diffusionSchedule(steps, spectrum);
    for (const power of spectrum) {
      let [field, past] = [1, 0];
      for (const { signal, noise, keep, pull, momentum } of schedule) {
        const estimate = (signal * power * field) / (signal ** 2 * power + noise ** 2);
        field = keep * field + pull * (estimate + momentum * (estimate - past));
        past = estimate;
      }
      variance += field ** 2;
      wanted += power;
    }
    return variance / wanted;
  };

  for (const [steps, tolerance] of [
    [25, 0.03],
    [50, 0.01],
    [100, 0.005],
  ] as const) {
    it(`keeps the variance of every alloy within ${tolerance} in ${steps} steps`, () => {
      for (const { spectrum } of Object.values(alloys))
        near(varianceAfter(steps, powerSpectrum(spectrum, 64)), 1, tolerance);
    });
  }
});

describe('a power spectrum', () => {
  it('belongs to a field of variance 1 and mean 0', () => {
    for (const { spectrum } of Object.values(alloys)) {
      const power = powerSpectrum(spectrum, 32);
      near(correlationOf(power, 32).across[0], 1, 1e-5);
      assert.equal(power[0], 0);
    }
  });

  it('of Gaussian shape has the Gaussian’s correlation', () => {
    const correlation = correlationOf(powerSpectrum({ kind: 'gaussian', lengthPixels: 3, stretch: 2 }, 128), 128);
    // Without its constant part a field of finite size is a little less than the formula.
    for (const lag of [1, 3, 5]) {
      near(correlation.across[lag], Math.exp(-(lag ** 2) / (2 * 36)), 0.02);
      near(correlation.down[lag], Math.exp(-(lag ** 2) / 18), 0.02);
    }
  });
});

describe('two phases', () => {
  it('have exactly the fraction wanted when asked so, and it on average else', () => {
    const field = new SeededRandom(3, 'field').normals(10_000);
    const fraction = (phases: Uint8Array) => phases.reduce((sum, value) => sum + value, 0) / phases.length;
    assert.equal(fraction(twoPhase(field, 0.3, true)), 0.3);
    near(fraction(twoPhase(field, 0.3)), 0.3, 0.02);
  });
});

describe('the statistics of a microstructure', () => {
  it('are those of stripes, by hand', () => {
    // Columns 0 0 1 1 0 0 1 1: fraction 1/2, and the same column after four.
    const size = 8;
    const stripes = Uint8Array.from({ length: size * size }, (_, at) => ((at % size) % 4 < 2 ? 0 : 1));
    const { volumeFraction, twoPointAcross, twoPointDown, interfaceDensity } = measure([stripes], size);
    near(volumeFraction, 0.5, 1e-12);
    [0.5, 0.25, 0, 0.25, 0.5].forEach((wanted, lag) => {
      near(twoPointAcross[lag], wanted, 1e-12);
      near(twoPointDown[lag], 0.5, 1e-12);
    });
    // Every second pixel has another phase at its right, none below it.
    near(interfaceDensity, 0.5, 1e-12);
  });

  it('put a wave’s power into its ring', () => {
    const size = 16;
    const wave = Float32Array.from({ length: size * size }, (_, at) =>
      Math.cos((2 * Math.PI * 3 * (at % size)) / size),
    );
    const rings = radialSpectrum(wave, size);
    assert.equal(rings.indexOf(Math.max(...rings)), 3);
  });

  it('are expected to begin at the fraction and end near its square', () => {
    for (const name of Object.keys(alloys) as AlloyName[]) {
      const { spectrum, volumeFraction } = alloys[name];
      const { twoPointAcross } = expected(powerSpectrum(spectrum, 64), 64, volumeFraction);
      near(twoPointAcross[0], volumeFraction, 1e-12);
      near(twoPointAcross[32], volumeFraction ** 2, 0.06);
    }
  });

  it('are fully accurate when they are what was expected, and not when they are of another alloy', () => {
    const of = (name: AlloyName) => expected(powerSpectrum(alloys[name].spectrum, 64), 64, 0.3);
    assert.equal(modelAccuracy(of('AlSi10Mg'), of('AlSi10Mg')), 1);
    assert.ok(modelAccuracy(of('Inconel-718'), of('cast-iron')) < 0.9);
  });
});

describe('alloys', () => {
  it('are known by their names, and by nothing else', () => {
    assert.ok(isAlloyName('Ti-6Al-4V'));
    assert.ok(!isAlloyName('toString'));
  });
});
