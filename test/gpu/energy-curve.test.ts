import assert from 'node:assert/strict';
import { EnergyCurve } from '../../src/telemetry/host/gpu/energy-curve.ts';

describe('the energy curve of a GPU', () => {
  it('measures what the counter saw: 100 W for one second are 100 J, give or take a step at either end', () => {
    const energy = steady({ watts: 100, stepMs: 100 }).between(1050, 2050, () => 100);
    assert.deepEqual(energy, { is: 'measured', joules: 100, withinJoules: 20, granularityMs: 100 });
  });

  it('knows the granularity of the counter by its steps, not by how often it is read', () => {
    const curve = new EnergyCurve();
    for (let ms = 0; ms <= 2000; ms += 10) curve.add(ms, Math.floor(ms / 200) * 7);
    assert.equal(curve.granularityMs(), 200);
  });

  it('calls it an estimate when the counter had no time to move twice', () => {
    const energy = steady({ watts: 100, stepMs: 100 }).between(1010, 1060, () => 100);
    assert.deepEqual(energy, { is: 'estimated', joules: 5, why: 'shorter_than_counter' });
  });

  it('answers for what ended just now by continuing the last step, and not for what is later', () => {
    const curve = steady({ watts: 100, stepMs: 100 });
    assert.deepEqual(
      curve.between(9000, 10_150, () => 500),
      {
        is: 'measured',
        joules: 115,
        withinJoules: 20,
        granularityMs: 100,
      },
    );
    assert.equal(curve.between(9000, 20_000, () => 500).is, 'estimated');
  });

  it('follows the power of each part', () => {
    const curve = new EnergyCurve();
    for (let step = 0; step <= 10; step += 1) curve.add(step * 100, step * 5);
    for (let step = 1; step <= 10; step += 1) curve.add(1000 + step * 100, 50 + step * 30);
    const energy = curve.between(500, 1500, () => undefined);
    assert.ok(energy.is === 'measured' && Math.abs(energy.joules - (25 + 150)) < 1e-9);
  });

  it('takes power times duration where there is no counter', () => {
    assert.deepEqual(
      new EnergyCurve().between(0, 2000, () => 70),
      { is: 'estimated', joules: 140, why: 'no_counter' },
    );
  });

  it('says that it does not know rather than zero', () => {
    assert.deepEqual(
      new EnergyCurve().between(0, 2000, () => undefined),
      { is: 'unknown' },
    );
    assert.deepEqual(
      steady({ watts: 100, stepMs: 100 }).between(-500, 500, () => undefined),
      { is: 'unknown' },
    );
  });

  it('spans no reset of the counter: the driver was loaded anew', () => {
    const curve = steady({ watts: 100, stepMs: 100 });
    for (let ms = 10_100; ms <= 11_000; ms += 100) curve.add(ms, (ms - 10_100) / 10);
    assert.equal(curve.between(9000, 10_500, () => undefined).is, 'unknown');
    assert.equal(curve.between(10_200, 10_900, () => undefined).is, 'measured');
  });

  it('is bounded, and keeps the latest', () => {
    const curve = new EnergyCurve();
    for (let step = 0; step < 20_000; step += 1) curve.add(step * 100, step);
    assert.equal(curve.between(0, 1000, () => undefined).is, 'unknown');
    assert.equal(curve.between(1_999_000, 1_999_800, () => undefined).is, 'measured');
  });
});

function steady({ watts, stepMs }: { watts: number; stepMs: number }): EnergyCurve {
  const curve = new EnergyCurve();
  for (let ms = 0; ms <= 10_000; ms += stepMs) curve.add(ms, (watts * ms) / 1000);
  return curve;
}
