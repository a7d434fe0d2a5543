import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { readConfig } from '../../src/config.ts';
import { observedBy } from '../../src/engine/engine-observer.ts';
import { Registry } from '../../src/engine/registry/registry.ts';
import { Cost } from '../../src/observe/cost.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { slow, slowInBatches, writeModel } from '../../testkit/models/models.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { fp32, slowInputs } from './serve-models.ts';

describe('the cost of inference', function () {
  this.timeout(120_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let registry: Registry;
  const meter = new Meter();

  before(async () => {
    folder = await temporaryFolder();
    const session = { intra_op_threads: 1 };
    await writeModel(folder.path, 'thread', slow(), { manifest: { session } });
    await writeModel(folder.path, 'process', slow(), { manifest: { session, lanes: { kind: 'process' } } });
    await writeModel(folder.path, 'pool', slow(), { manifest: { session: { intra_op_threads: 3 } } });
    await writeModel(folder.path, 'batched', slowInBatches(200), { manifest: { session, batching: { rows_max: 4 } } });
    const cost = new Cost(meter);
    registry = new Registry({ ...readConfig({}), models: folder.path }, observedBy(cost));
    await registry.start();
  });

  after(async () => {
    await registry?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  for (const model of ['thread', 'process', 'pool']) {
    it(`is within 5 % of the CPU time that the system has for the lane: ${model}`, async () => {
      await infer(model, 'warm', slowInputs(50));
      const [told, before] = [cpuSeconds(model), await systemSeconds(model)];
      for (let run = 0; run < 3; run += 1) await infer(model, 'a', slowInputs(800));
      const charged = cpuSeconds(model) - told;
      const had = (await systemSeconds(model)) - before;
      assert.ok(had > 0.3, `the system has ${had} s`);
      assert.ok(Math.abs(charged / had - 1) < 0.05, `charged ${charged} s of ${had} s`);
    });
  }

  it('is 3 : 1 for two tenants with work 3 : 1 side by side', async () => {
    const work = async (tenant: string, iterations: number) => {
      for (let run = 0; run < 16; run += 1) await infer('thread', tenant, slowInputs(iterations));
    };
    // In many short turns: what else goes on at this machine, which makes the same work dearer for
    // a while, meets both.
    await Promise.all([work('three', 225), work('one', 75)]);
    const ratio = cpuSeconds('thread', 'three') / cpuSeconds('thread', 'one');
    assert.ok(Math.abs(ratio / 3 - 1) < 0.1, `${ratio}`);
  });

  it('is shared out within a batch by rows, its bytes too', async () => {
    // The first occupies the lane: the other two share the next batch.
    const rows = (count: number) => [fp32('x', [count, 4], new Float32Array(count * 4))];
    await Promise.all([
      infer('batched', 'first', rows(4)),
      infer('batched', 'three', rows(3)),
      infer('batched', 'one', rows(1)),
    ]);
    for (const name of ['costCpu', 'costBytes'] as const) {
      const ratio = sum(name, 'batched', 'three') / sum(name, 'batched', 'one');
      assert.ok(Math.abs(ratio - 3) < 1e-9, `${name}: ${ratio}`);
    }
    assert.equal(sum('costBytes', 'batched', 'one'), 2 * 4 * 4);
  });

  function infer(model: string, tenant: string, inputs: ReturnType<typeof slowInputs>): Promise<unknown> {
    return registry.find(model).infer({
      inputs,
      priority: 0,
      deadlineAt: performance.now() + 100_000,
      signal: { aborted: false },
      tenant,
    });
  }

  function cpuSeconds(model: string, tenant?: string): number {
    return sum('costCpu', model, tenant);
  }

  function sum(name: 'costCpu' | 'costBytes', model: string, tenant?: string): number {
    return meter
      .counter(name)
      .points()
      .filter(({ labels }) => labels.model === model && (tenant === undefined || labels.tenant === tenant))
      .reduce((total, { value }) => total + value, 0);
  }

  /**
   * The system's own books: the whole process of a process lane; of the thread lanes all together,
   * since one of them works at a time here.
   */
  async function systemSeconds(model: string): Promise<number> {
    if (model === 'process') return secondsOfThreads(`/proc/${await laneProcess()}/task`, () => true);
    return secondsOfThreads('/proc/self/task', (name) => /^lane-\d+$/.test(name));
  }

  async function laneProcess(): Promise<string> {
    const children = await readFile(`/proc/self/task/${process.pid}/children`, 'utf8');
    for (const id of children.trim().split(' '))
      if ((await readFile(`/proc/${id}/cmdline`, 'utf8')).includes('lane-program')) return id;
    throw new Error('there is no process lane');
  }
});

/**
 * In nanoseconds of the scheduler, and not in the ticks of 10 ms of /proc/…/stat: a few threads'
 * ticks would be a part of what is compared.
 */
async function secondsOfThreads(folder: string, isIt: (name: string) => boolean): Promise<number> {
  let seconds = 0;
  for (const id of await readdir(folder)) {
    if (!isIt((await readFile(`${folder}/${id}/comm`, 'utf8')).trim())) continue;
    seconds += Number((await readFile(`${folder}/${id}/schedstat`, 'utf8')).split(' ')[0]) / 1e9;
  }
  return seconds;
}
