import assert from 'node:assert/strict';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { failEverything } from './fail-everything.ts';

/** Another sample each day, the same all day: a failure can be had again by its name. */
const seed = Math.floor(Date.now() / 86_400_000);

describe('file operations that fail', () => {
  it('lose nothing, do nothing twice and are said: a sample of all of them (npm run faults:files has the rest)', async function () {
    this.timeout(240_000);
    const outcome = availableOrSkip(this, await failEverything({ seed, workers: 4, msMax: 30_000 }));
    assert.deepEqual(outcome.wrong, [], `seed ${seed}`);
    assert.ok(outcome.runs >= 20, `${outcome.runs} runs`);
  });

  it('fail no job for good when the folder of its attempt cannot be made', async function () {
    this.timeout(240_000);
    const outcome = availableOrSkip(this, await failEverything({ seed, workers: 1, scenarios: ['attempt-folder'] }));
    assert.deepEqual(outcome.wrong, []);
    assert.ok(outcome.runs >= 20, `${outcome.runs} runs`);
  });

  it('set no sound database of jobs aside, each of those that open it', async function () {
    this.timeout(240_000);
    const outcome = availableOrSkip(this, await failEverything({ seed, workers: 1, scenarios: ['job-database'] }));
    assert.deepEqual(outcome.wrong, []);
    assert.ok(outcome.runs >= 20, `${outcome.runs} runs`);
  });
});
