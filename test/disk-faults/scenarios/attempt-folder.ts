import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { readConfig } from '../../../src/config.ts';
import { WorkFolders } from '../../../src/jobs/work-folders.ts';
import { diskFailureOf } from '../../../src/resilience/disk-failure.ts';
import { Meter } from '../../../src/telemetry/meter.ts';
import type { Scenario } from '../scenario.ts';

/** The folder of an attempt at a job: where a disk fails, the job waits, and is no defect. */
export const attemptFolderScenario: Scenario = {
  name: 'attempt-folder',
  durations: ['once'],
  async run({ folder, alias, start, until }) {
    const folders = await start(() => WorkFolders.open({ ...readConfig({}), data: folder }, new Meter()));
    for (const attempt of [1, 2])
      await until(`the folder of attempt ${attempt}`, async () => {
        try {
          await folders.beginAttempt('job', attempt);
          return true;
        } catch (error) {
          assert.notEqual(diskFailureOf(error), undefined, String(error));
          return false;
        }
      });
    const made = join(alias, 'service', 'work', 'job');
    assert.deepEqual([existsSync(join(made, 'attempt-1')), existsSync(join(made, 'attempt-2'))], [false, true]);
  },
};
