import assert from 'node:assert/strict';
import { type TaskRunner, taskRunner } from '../../testkit/task-runner.ts';

// first: its memory is looked at ten times a second.

describe('a task that outgrows its memory', () => {
  let runner: TaskRunner;
  before(async function () {
    this.timeout(60_000);
    runner = await taskRunner('gaussian-field', {
      taskMemoryBytesMax: 64 * 2 ** 20,
      microstructurePixelsMax: 2 ** 24,
      tasksRunningMax: 2,
    });
  });
  after(() => runner[Symbol.asyncDispose]());

  const small = { alloy: 'cast-iron', steps: 20, size: 32 };
  const large = { ...small, size: 512, samples: 64 };

  it('ends alone, with the setting in its failure; its neighbour and the next task are done', async () => {
    const neighbours = Array.from({ length: 5 }, () => small);
    const [failed, ...done] = await Promise.allSettled([
      runner.run({ kind: 'microstructure', parameters: large }),
      ...neighbours.map((parameters) => runner.run({ kind: 'microstructure', parameters })),
    ]);
    assert.equal(failed.status, 'rejected');
    assert.equal(failed.reason.code, 'task_too_large');
    assert.match(failed.reason.message, /64 MiB.*VITRINE_TASK_MEMORY_BYTES_MAX/);
    for (const each of done) assert.equal(each.status, 'fulfilled');
    assert.deepEqual(runner.threads.load, { running: 0, waiting: 0 });
  });

  it('gives its memory back, time and again', async () => {
    const after: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      await assert.rejects(runner.run({ kind: 'microstructure', parameters: large }), { code: 'task_too_large' });
      after.push(process.memoryUsage.rss());
    }
    const grown = (after.at(-1) as number) - (after[0] as number);
    assert.ok(grown < 100e6, `${after.map((bytes) => Math.round(bytes / 1e6))} MB`);
  });
});
