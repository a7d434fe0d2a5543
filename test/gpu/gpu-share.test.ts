import assert from 'node:assert/strict';
import { GpuShare } from '../../src/observe/gpu-share.ts';
import { EnergyCurve } from '../../src/telemetry/host/gpu/energy-curve.ts';

const device = { hwId: 'GPU-1', name: 'made up', index: 0 };

describe('the share of a GPU', () => {
  it('is halved while two run side by side, and all shares together are what the device gave', () => {
    const share = new GpuShare(() => gpuOf([device], hundredWatts()));
    share.began('cuda', 1_000);
    share.began('cuda', 1_500);
    const one = share.ended('cuda', 1_000, 2_000);
    const other = share.ended('cuda', 1_500, 2_500);
    assert.equal(one?.hwId, 'GPU-1');
    assert.equal(one?.seconds, 0.75);
    assert.equal(other?.seconds, 0.75);
    assert.equal(one?.energy?.is, 'measured');
    const joules = (one?.energy?.joules ?? 0) + (other?.energy?.joules ?? 0);
    assert.ok(Math.abs(joules - 150) < 1e-6, `${joules} of 150 J`);
  });

  it('names no device when there are several and it cannot be known which', () => {
    const share = new GpuShare(() => gpuOf([device, { ...device, hwId: 'GPU-2', index: 1 }], hundredWatts()));
    share.began('cuda', 1_000);
    const told = share.ended('webgpu', 1_000, 2_000);
    assert.deepEqual(told, { hwId: undefined, seconds: 1, energy: undefined });
  });

  it('has no energy where none can be known', () => {
    const share = new GpuShare(() => gpuOf([device], new EnergyCurve()));
    share.began('cuda', 1_000);
    assert.equal(share.ended('cuda', 1_000, 2_000)?.energy, undefined);
  });
});

/** Steps of 2 J every 20 ms. */
function hundredWatts(): EnergyCurve {
  const curve = new EnergyCurve();
  for (let step = 0; step <= 200; step += 1) curve.add(step * 20, step * 2);
  return curve;
}

function gpuOf(devices: (typeof device)[], curve: EnergyCurve) {
  return {
    devices: () => devices,
    energyBetween: (_hwId: string, startMs: number, endMs: number) => curve.between(startMs, endMs, () => undefined),
  };
}
