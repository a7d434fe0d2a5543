import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { countEnds } from '../../testkit/jobs/count-ends.ts';
import { startPostgres } from '../../testkit/postgres.ts';
import { connectionToEach, type Outcome, send, startSeveral } from '../../testkit/several-processes.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('several processes with PostgreSQL', function () {
  this.timeout(600_000);

  it('all work on jobs and answer for them, also while one of them is killed', async function () {
    await using database = availableOrSkip(this, await startPostgres());
    await using folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await cp(join(ourModels, 'gaussian-field'), join(models, 'gaussian-field'), { recursive: true });
    const schema = database.schema();
    await using several = await startSeveral(2, {
      VITRINE_MODELS: models,
      VITRINE_DATABASE_URL: database.url,
      VITRINE_DATABASE_SCHEMA: schema,
      VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
      VITRINE_JOBS_RUNNING_MAX: '2',
      VITRINE_JOBS_OF_KIND_RUNNING_MAX: '2',
      VITRINE_TASKS_PER_MINUTE_MAX: '10000',
    });
    await countEnds(database, schema);
    const agents = await connectionToEach(several, 2);
    const ids: string[] = [];
    for (let n = 0; n < 24; n += 1) {
      const accepted = await send(`${several.url}/v1/microstructure`, {
        method: 'POST',
        agent: agents.get(1 + (n % 2))!,
        headers: { Prefer: 'respond-async', 'Idempotency-Key': `key-${n}` },
        body: JSON.stringify({ size: 64, samples: 1, steps: 20, seed: n, format: 'npy' }),
      });
      assert.equal('status' in accepted && accepted.status, 202, JSON.stringify(accepted));
      ids.push((JSON.parse(bodyOf(accepted)) as { id: string }).id);
    }
    const owners = async () =>
      (
        await database.ask(
          `SELECT owner FROM ${schema}.ends UNION SELECT owner FROM ${schema}.job WHERE owner IS NOT NULL`,
        )
      ).length;
    await waitFor('both to work', async () => (await owners()) >= 2, { deadlineMs: 120_000 });
    const first = (await several.standings()).find(({ process }) => process === 1)!;
    process.kill(first.pid!, 'SIGKILL');
    // The other one has the jobs too, and need not wait for it.
    const shown = await send(`${several.url}/v1/jobs/${ids[0]}`, { agent: agents.get(2)! });
    assert.equal('status' in shown && shown.status, 200, JSON.stringify(shown));
    const ended = () => database.ask(`SELECT id, state FROM ${schema}.ends`);
    await waitFor('all jobs to end', async () => (await ended()).length >= ids.length, { deadlineMs: 300_000 });
    assert.deepEqual(new Set((await ended()).map(({ id }) => id)), new Set(ids));
    const failed = await database.ask(`SELECT id, state, attempt, failure FROM ${schema}.job WHERE state <> 'done'`);
    const errors = several.service
      .said()
      .split('\n')
      .filter((line) => line.includes('error'));
    assert.deepEqual(failed, [], errors.join('\n').slice(-6_000));
    await several.ready((all) => all.some(({ process, restarts }) => process === 1 && restarts === 1));
    for (const agent of (await connectionToEach(several, 2)).values())
      for (const id of ids.slice(0, 4)) {
        const result = await send(`${several.url}/v1/jobs/${id}/result`, { agent });
        assert.equal('status' in result && result.status, 200, JSON.stringify(result).slice(0, 300));
      }
  });
});

function bodyOf(outcome: Outcome): string {
  return 'body' in outcome ? outcome.body : outcome.error;
}
