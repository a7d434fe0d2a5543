import assert from 'node:assert/strict';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Gpu, type GpuOptions, startGpu } from '../../src/telemetry/host/gpu/start-gpu.ts';
import { setLogLevel } from '../../src/telemetry/logger.ts';
import { type CollectedMetric, Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const deadline = { deadlineMs: 60_000, everyMs: 20 };

describe('the reading of GPUs, against a shim (no GPU)', function () {
  this.timeout(120_000);
  let shim: Shim;
  let gpu: Gpu | undefined;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
    Object.assign(process.env, shim.env);
    // Its lines are tested where they go out; here they would stand between the tests' names.
    setLogLevel('app', 'error');
  });

  after(async () => {
    setLogLevel('app', 'info');
    delete process.env.VITRINE_NVML_SHIM;
    await shim?.[Symbol.asyncDispose]();
  });

  afterEach(async () => {
    await gpu?.stop();
    await shim.answer({});
  });

  let meter: Meter;
  const start = (given: Partial<GpuOptions> = {}): Gpu => {
    meter = new Meter();
    gpu = startGpu(
      {
        gpuOn: true,
        telemetryOff: false,
        nvmlLibrary: shim.library,
        gpuPeriodMs: 100,
        gpuEnergyPeriodMs: 20,
        gpuHangMsMax: 30_000,
        driverFolder: shim.driverFolder,
        ...given,
      },
      meter,
    );
    return gpu;
  };

  it('tells every device’s values in the units of the conventions, by UUID and name', async () => {
    await shim.answer({ count: 2, 'power.1': 250_000, own_process: process.pid });
    start();
    const values = await readValues(meter);
    assert.deepEqual(gpu?.figures()[0], {
      id: 'GPU-shim-0000',
      name: 'Shim 0 (no GPU)',
      memory_used_bytes: 20 * 2 ** 30,
      memory_total_bytes: 80 * 2 ** 30,
      utilization_percent: 37,
    });
    const first = { 'hw.id': 'GPU-shim-0000', 'hw.name': 'Shim 0 (no GPU)', 'hw.type': 'gpu' };
    const second = { 'hw.id': 'GPU-shim-0001', 'hw.name': 'Shim 1 (no GPU)', 'hw.type': 'gpu' };
    assert.equal(values('hw.gpu.utilization', { ...first, 'hw.gpu.task': 'general' }), 0.37);
    assert.equal(values('hw.gpu.memory.usage', first), 20 * 2 ** 30);
    assert.equal(values('hw.gpu.memory.limit', first), 80 * 2 ** 30);
    assert.equal(values('hw.gpu.memory.utilization', first), 0.25);
    assert.equal(values('hw.power', first), 71.234);
    assert.equal(values('hw.power', second), 250);
    assert.equal(values('hw.gpu.power.limit', first), 700);
    assert.equal(values('hw.energy', first), 9_007_199_254_740_991 / 1000);
    assert.equal(values('hw.temperature', first), 44);
    assert.equal(values('hw.gpu.clock', { ...first, 'hw.gpu.clock.type': 'sm' }), 1_975_000_000);
    assert.equal(values('hw.gpu.throttle', { ...first, 'hw.gpu.throttle.reason': 'sw_power_cap' }), 1);
    assert.equal(values('hw.gpu.throttle', { ...first, 'hw.gpu.throttle.reason': 'hw_thermal' }), 0);
    assert.equal(values('hw.errors', { ...first, 'error.type': 'corrected' }), 3);
    assert.equal(values('hw.errors', { ...first, 'error.type': 'uncorrected' }), 0);
    assert.equal(values('hw.gpu.processes', { ...first, 'hw.gpu.process.owner': 'vitrine' }), 1);
    assert.equal(values('hw.gpu.processes', { ...first, 'hw.gpu.process.owner': 'other' }), 2);
    assert.equal(values('hw.gpu.process.memory.usage', { ...first, 'hw.gpu.process.owner': 'vitrine' }), 2 * 2 ** 30);
  });

  it('leaves out what a device does not have, and what the driver refuses, and tells it again when it is there', async () => {
    await shim.answer({ 'rc.power': 3, 'rc.ecc': 3, 'rc.memory': 4 });
    start();
    await waitFor('a reading', async () => (await namesIn(meter)).has('hw.gpu.utilization'), deadline);
    for (const name of ['hw.power', 'hw.errors', 'hw.gpu.memory.usage', 'hw.gpu.memory.utilization']) {
      assert.ok(!(await namesIn(meter)).has(name), `${name} is absent`);
    }
    await shim.answer({});
    await waitFor(
      'all of it',
      async () => {
        const names = await namesIn(meter);
        return names.has('hw.power') && names.has('hw.gpu.memory.usage');
      },
      deadline,
    );
  });

  it('tells nothing of a device that is lost, goes on with the others, and finds it again', async () => {
    await shim.answer({ count: 2 });
    const reading = start();
    await waitFor('both devices', async () => (await idsIn(meter)).size === 2, deadline);
    await shim.answer({ count: 2, 'lost.1': 1 });
    await waitFor('the loss', async () => (await idsIn(meter)).size === 1, deadline);
    assert.deepEqual([...(await idsIn(meter))], ['GPU-shim-0000']);
    await waitFor('it to leave the list', () => reading.devices().length === 1, deadline);
    const state = reading.state();
    assert.deepEqual(state.is === 'reading' && state.closed, [{ which: 'GPU-shim-0001', code: 'gpu_is_lost' }]);
    await shim.answer({ count: 2 });
    await waitFor('its return', async () => (await idsIn(meter)).size === 2, deadline);
    assert.equal(reading.devices().length, 2);
  });

  it('sees a device that is plugged in, and one that is plugged out', async () => {
    start();
    await waitFor('the first device', async () => (await idsIn(meter)).size === 1, deadline);
    await shim.answer({ count: 2 });
    await mkdir(join(shim.driverFolder, '0000:41:00.0'));
    await waitFor('the second', async () => (await idsIn(meter)).size === 2, deadline);
    await shim.answer({ count: 1 });
    await rmdir(join(shim.driverFolder, '0000:41:00.0'));
    await waitFor('only the first', async () => (await idsIn(meter)).size === 1, deadline);
  });

  it('tells nothing while the driver is not loaded, and begins when it is', async () => {
    await shim.answer({ 'rc.init': 9 });
    const reading = start();
    await waitFor('the refusal', () => reading.state().is === 'refused', deadline);
    assert.deepEqual(await metricsOf(meter), []);
    await shim.answer({});
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
  });

  it('tells nothing while a call into the driver hangs, replaces the process that made it, and begins again', async () => {
    const reading = start({ gpuHangMsMax: 3_000 });
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
    await shim.answer({ 'hang.power': 3_600 });
    await waitFor('old values to be left out', async () => (await metricsOf(meter)).length === 0, deadline);
    assert.equal(reading.state().is, 'reading', 'they are left out before anybody knows why');
    await waitFor('the silence to be seen', () => reading.state().is === 'silent', deadline);
    await shim.answer({});
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
  });

  it('outlives a crash in the driver’s library', async () => {
    const reading = start();
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
    await shim.answer({ 'crash.power': 1 });
    await waitFor('the end of the reader', () => reading.state().is === 'ended', deadline);
    assert.deepEqual(await metricsOf(meter), []);
    await shim.answer({});
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
  });

  it('begins a counter anew when it falls: the driver was loaded again', async () => {
    await shim.answer({ energy: 5_000_000 });
    start();
    const first = await waitFor('the counter', () => energyPoint(meter, 5_000), deadline);
    await shim.answer({ energy: 1_000 });
    const second = await waitFor('the fall', () => energyPoint(meter, 1), deadline);
    assert.ok(second.startMs > first.startMs);
  });

  it('measures the energy between two moments by the counter, and its granularity', async () => {
    await shim.answer({ energy: 0, energy_step_ms: 60, power: 200_000 });
    const reading = start();
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
    const ends = () => performance.now();
    await waitFor(
      'the counter',
      () => reading.energyBetween('GPU-shim-0000', ends() - 200, ends()).is === 'measured',
      deadline,
    );
    const startMs = performance.now();
    await waitFor('two seconds', () => performance.now() - startMs > 2_000, deadline);
    const endMs = performance.now();
    const measured = await waitFor(
      'the measure',
      () => {
        const energy = reading.energyBetween('GPU-shim-0000', startMs, endMs);
        return energy.is === 'measured' && energy;
      },
      deadline,
    );
    const expected = (200 * (endMs - startMs)) / 1000;
    assert.ok(Math.abs(measured.joules - expected) <= measured.withinJoules, JSON.stringify({ measured, expected }));
    assert.equal(reading.energyBetween('GPU-shim-0000', endMs - 1, endMs).is, 'estimated');
    assert.deepEqual(reading.energyBetween('GPU-nobody', startMs, endMs), { is: 'unknown' });
  });

  it('estimates by the power where there is no counter', async () => {
    await shim.answer({ 'rc.energy': 3, power: 50_000 });
    const reading = start();
    await waitFor('a reading', async () => (await idsIn(meter)).size === 1, deadline);
    const now = performance.now();
    assert.deepEqual(reading.energyBetween('GPU-shim-0000', now - 2_000, now), {
      is: 'estimated',
      joules: 100,
      why: 'no_counter',
    });
  });
});

describe('the reading of GPUs where there is none', () => {
  it('starts nothing and loads nothing: there is no library', async () => {
    const meter = new Meter();
    const none = startGpu(
      {
        gpuOn: true,
        telemetryOff: false,
        nvmlLibrary: 'libvitrine-has-no-such.so.9',
        gpuPeriodMs: 100,
        gpuEnergyPeriodMs: 100,
        gpuHangMsMax: 30_000,
      },
      meter,
    );
    assert.deepEqual(none.state(), { is: 'no_library', library: 'libvitrine-has-no-such.so.9' });
    assert.deepEqual(await metricsOf(meter), []);
    assert.deepEqual(none.energyBetween('any', 0, 1), { is: 'unknown' });
    const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8').catch(() => '');
    assert.equal(children.trim(), '');
    await none.stop();
  });
});

async function metricsOf(meter: Meter): Promise<CollectedMetric[]> {
  return (await meter.collect()).metrics;
}

async function namesIn(meter: Meter): Promise<Set<string>> {
  return new Set((await metricsOf(meter)).map(({ name }) => name));
}

async function idsIn(meter: Meter): Promise<Set<string | undefined>> {
  const metrics = await metricsOf(meter);
  return new Set(metrics.flatMap(({ points }) => points.map(({ labels }) => labels['hw.id'])));
}

async function energyPoint(meter: Meter, joules: number): Promise<{ startMs: number } | undefined> {
  const points = (await metricsOf(meter)).find(({ name }) => name === 'hw.energy')?.points ?? [];
  return points.find(({ value }) => value === joules);
}

/** Values by name and labels; exactly one point has them. */
async function readValues(meter: Meter): Promise<(name: string, labels: Record<string, string>) => unknown> {
  const metrics = await waitFor(
    'a reading',
    async () => {
      const found = await metricsOf(meter);
      return found.length > 0 && found;
    },
    deadline,
  );
  return (name, labels) => {
    const points = metrics.find((each) => each.name === name)?.points ?? [];
    const key = JSON.stringify(Object.entries(labels).sort());
    const found = points.filter((point) => JSON.stringify(Object.entries(point.labels).sort()) === key);
    assert.equal(found.length, 1, `${name} ${key}`);
    return found[0]?.value;
  };
}
