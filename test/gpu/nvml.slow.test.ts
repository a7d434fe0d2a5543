import assert from 'node:assert/strict';
import { type DeviceHandle, type Nvml, openNvml } from '../../src/telemetry/host/gpu/nvml.ts';
import { throttleReasonsIn } from '../../src/telemetry/host/gpu/read-device.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';

describe('the binding of NVML, against a shim (no GPU)', function () {
  this.timeout(60_000);
  let shim: Shim;
  let nvml: Nvml;
  let device: DeviceHandle;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
    Object.assign(process.env, shim.env);
    nvml = openNvml(shim.library);
    assert.deepEqual(nvml.start(), value(undefined));
    const first = nvml.device(0);
    assert.ok(first.is === 'value');
    device = first.value;
  });

  after(async () => {
    delete process.env.VITRINE_NVML_SHIM;
    await shim?.[Symbol.asyncDispose]();
  });

  afterEach(() => shim.answer({}));

  it('reads texts, numbers, structures and lists as the library gives them', () => {
    assert.deepEqual(nvml.driverVersion(), value('shim (no driver)'));
    assert.deepEqual(nvml.deviceCount(), value(1));
    assert.deepEqual(nvml.name(device), value('Shim 0 (no GPU)'));
    assert.deepEqual(nvml.uuid(device), value('GPU-shim-0000'));
    assert.deepEqual(nvml.utilization(device), value(37));
    assert.deepEqual(nvml.memory(device), value({ totalBytes: 80 * 2 ** 30, usedBytes: 20 * 2 ** 30 }));
    assert.deepEqual(nvml.powerMilliwatts(device), value(71_234));
    assert.deepEqual(nvml.powerLimitMilliwatts(device), value(700_000));
    assert.deepEqual(nvml.temperatureCelsius(device), value(44));
    assert.deepEqual(nvml.clockMegahertz(device, 'memory'), value(2619));
    assert.deepEqual(nvml.eccErrors(device, 'corrected'), value(3));
    assert.deepEqual(nvml.processes(device), value([mebibyteOf(4_000_001), mebibyteOf(4_000_002)]));
  });

  it('keeps every digit of a counter up to 2^53', () => {
    assert.deepEqual(nvml.energyMillijoules(device), value(9_007_199_254_740_991));
  });

  it('keeps a mask of 64 bits whole', async () => {
    await shim.answer({ throttle: 2 ** 40 + 4 });
    assert.deepEqual(nvml.throttleReasons(device), value(2n ** 40n + 4n));
  });

  it('names a throttle reason that it does not know as other, and hides none', () => {
    const reasons = throttleReasonsIn(2n ** 40n + 0x44n);
    const set = Object.entries(reasons).filter(([, isSet]) => isSet);
    assert.deepEqual(
      set.map(([reason]) => reason),
      ['sw_power_cap', 'hw_thermal', 'other'],
    );
  });

  it('reads a list that is longer than the room it came with', async () => {
    await shim.answer({ processes: 400 });
    const processes = nvml.processes(device);
    assert.ok(processes.is === 'value');
    assert.equal(processes.value.length, 400);
    assert.deepEqual(processes.value[399], mebibyteOf(4_000_400));
  });

  it('gives the reason and no value when the library refuses', async () => {
    await shim.answer({ 'rc.power': 3, 'rc.memory': 4, 'rc.name': 999, 'rc.ecc': 12_345 });
    assert.deepEqual(nvml.powerMilliwatts(device), { is: 'refused', code: 'not_supported' });
    assert.deepEqual(nvml.memory(device), { is: 'refused', code: 'no_permission' });
    assert.deepEqual(nvml.name(device), { is: 'refused', code: 'unknown' });
    assert.deepEqual(nvml.eccErrors(device, 'corrected'), { is: 'refused', code: 'unknown' });
    assert.deepEqual(nvml.device(7), { is: 'refused', code: 'invalid_argument' });
  });

  it('throws, with the loader’s reason, when the library cannot be loaded', () => {
    assert.throws(() => openNvml('libvitrine-has-no-such.so.9'), /cannot open shared object file/);
  });
});

function value<Value>(of: Value): { is: 'value'; value: Value } {
  return { is: 'value', value: of };
}

function mebibyteOf(pid: number): { pid: number; usedBytes: number } {
  return { pid, usedBytes: 2 ** 20 };
}
