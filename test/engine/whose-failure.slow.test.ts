import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { hungry, lookUp } from '../../testkit/models/models.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { fp32, serveModels, whole } from './serve-models.ts';

const run = promisify(execFile);

describe('a failed inference', function () {
  this.timeout(60_000);

  it('that is its input’s fault never closes the model to others, however often it is sent', async () => {
    await using served = await serveModels({ look_up: { onnx: lookUp() } }, { breakerFailuresMax: 2 });
    const at = (index: number) => served.infer('look_up', [whole('INT64', 'x', [1, 1], [index])]);
    for (let count = 0; count < 12; count += 1) {
      await assert.rejects(at(1_000), { code: 'inference_failed' });
      assert.deepEqual([...(await at(count % 4)).outputs[0]!.data], [1 + (count % 4)]);
    }
    const bad = await Promise.allSettled(Array.from({ length: 50 }, () => at(-1_000)));
    assert.ok(bad.every((result) => result.status === 'rejected' && result.reason.code === 'inference_failed'));
    const model = served.registry.find('look_up');
    assert.equal(model.breakerState, 'closed');
    assert.equal(model.statistics.success.count, 12, 'probes are in no statistics');
  });

  it('that is the model’s own is counted: it is left alone for a while, then tried', async function () {
    availableOrSkip(
      this,
      await run('prlimit', ['--version']).catch(() => ({ unavailable: 'prlimit (util-linux) is not installed' })),
    );
    const manifest = { lanes: { kind: 'process' }, session: { arena: false, memory_pattern: false } };
    await using served = await serveModels(
      { hungry: { onnx: hungry(256), manifest } },
      { breakerFailuresMax: 3, breakerOpenMs: 300 },
    );
    const ask = () => served.infer('hungry', [fp32('x', [1], [7])]);
    const lane = (await ask()).batch.lane.replace('process-', '');
    // Room for the process itself, but not for what the model asks for.
    const pages = Number((await readFile(`/proc/${lane}/statm`, 'utf8')).split(' ')[0]);
    await run('prlimit', ['--pid', lane, `--as=${pages * 4096 + 64 * 2 ** 20}:unlimited`]);
    for (let count = 0; count < 3; count += 1) await assert.rejects(ask(), { code: 'inference_failed' });
    await waitFor('the breaker to open', () => served.registry.find('hungry').breakerState === 'open');
    await assert.rejects(ask(), { code: 'circuit_open' });
    await run('prlimit', ['--pid', lane, '--as=unlimited:unlimited']);
    const { outputs } = await waitFor('the breaker to let one through', () =>
      ask().catch((error) => {
        if (error.code !== 'circuit_open') throw error;
        return undefined;
      }),
    );
    assert.equal(outputs[0]?.data[0], 7);
    assert.equal(served.registry.find('hungry').breakerState, 'closed');
  });
});
