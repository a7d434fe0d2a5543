import assert from 'node:assert/strict';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { prometheusQuery } from '../../testkit/backends.ts';
import { compileShim, type Shim } from '../../testkit/gpu/shim.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const deadline = { deadlineMs: 120_000, everyMs: 250 };
const energyMillijoules = 123_456_789_012_345;

describe('GPU metrics in the real Prometheus, from a shim (no GPU)', function () {
  this.timeout(300_000);
  let shim: Shim;
  let stack: Stack;
  let data: Awaited<ReturnType<typeof temporaryFolder>>;
  let running: ServiceProcess;

  before(async function () {
    shim = availableOrSkip(this, await compileShim());
    await shim.answer({ count: 2, energy: energyMillijoules });
    data = await temporaryFolder();
    stack = await startStack({ only: ['collector', 'prometheus'], env: { VITRINE_BACKENDS: 'prometheus' } });
    running = await startService({
      ...shim.env,
      LD_LIBRARY_PATH: shim.folder,
      VITRINE_DATA: data.path,
      VITRINE_GPU_PERIOD_MS: '200',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port('otlpGrpcPort')}`,
    });
  });

  after(async () => {
    await running?.[Symbol.asyncDispose]();
    await stack?.[Symbol.asyncDispose]();
    await data?.[Symbol.asyncDispose]();
    await shim?.[Symbol.asyncDispose]();
  });

  it('have the names, labels and values that dashboards and rules go by', async () => {
    const first = { job: 'vitrine', hw_id: 'GPU-shim-0000', hw_name: 'Shim 0 (no GPU)', hw_type: 'gpu' };
    for (const [name, labels, value] of [
      ['hw_gpu_utilization_ratio', { hw_gpu_task: 'general' }, 0.37],
      ['hw_gpu_memory_usage_bytes', {}, 20 * 2 ** 30],
      ['hw_gpu_memory_limit_bytes', {}, 80 * 2 ** 30],
      ['hw_gpu_memory_utilization_ratio', {}, 0.25],
      ['hw_power_watts', {}, 71.234],
      ['hw_gpu_power_limit_watts', {}, 700],
      ['hw_energy_joules_total', {}, energyMillijoules / 1000],
      ['hw_temperature_celsius', {}, 44],
      ['hw_gpu_clock_hertz', { hw_gpu_clock_type: 'memory' }, 2_619_000_000],
      ['hw_gpu_throttle', { hw_gpu_throttle_reason: 'sw_power_cap' }, 1],
      ['hw_errors_total', { error_type: 'corrected' }, 3],
      ['hw_gpu_processes', { hw_gpu_process_owner: 'other' }, 2],
      ['hw_gpu_process_memory_usage_bytes', { hw_gpu_process_owner: 'other' }, 2 * 2 ** 20],
    ] as const) {
      const wanted = Object.entries({ ...first, ...labels }).map(([label, text]) => `${label}="${text}"`);
      const found = await waitFor(
        name,
        async () => {
          const samples = await prometheusQuery(stack.url('prometheus'), `${name}{${wanted.join(',')}}`);
          return samples.length > 0 && samples;
        },
        deadline,
      );
      assert.equal(found.length, 1, name);
      assert.equal(found[0]?.value, value, name);
    }
  });

  it('count on where the device’s own counter does, to the millijoule', async () => {
    await shim.answer({ count: 2, energy: energyMillijoules + 500_001 });
    const more = (energyMillijoules + 500_001) / 1000;
    const count = async () =>
      (await prometheusQuery(stack.url('prometheus'), 'hw_energy_joules_total{hw_id="GPU-shim-0000"}'))[0]?.value;
    await waitFor('the new count', async () => (await count()) === more, deadline);
  });

  it('end for a device that is lost, and go on for the other', async () => {
    const recent = (id: string) =>
      prometheusQuery(stack.url('prometheus'), `present_over_time(hw_power_watts{hw_id="${id}"}[3s])`);
    await waitFor('the series of both', async () => (await recent('GPU-shim-0001')).length === 1, deadline);
    await shim.answer({ count: 2, energy: energyMillijoules, 'lost.1': 1 });
    await waitFor(
      'the end of its series',
      async () => (await recent('GPU-shim-0001')).length === 0 && (await recent('GPU-shim-0000')).length === 1,
      deadline,
    );
  });
});
