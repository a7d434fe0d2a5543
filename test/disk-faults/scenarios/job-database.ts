import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { JobDatabase } from '../../../src/jobs/sqlite/job-database.ts';
import { openJobDatabase } from '../../../src/jobs/sqlite/open-job-database.ts';
import { noLimits, someJob } from '../../jobs/some-job.ts';
import type { Scenario } from '../scenario.ts';

/** A database with a job in it is opened; the jobs scenario has the rest, which takes longer. */
export const jobDatabaseScenario: Scenario = {
  name: 'job-database',
  durations: ['once'],
  async run({ folder, alias, disk, start }) {
    // Made elsewhere, since SQLite sees through the other name: only the second opening fails.
    const elsewhere = join(dirname(alias), 'elsewhere');
    const made = new JobDatabase(openJobDatabase(join(elsewhere, 'jobs.sqlite')).database);
    const job = someJob({});
    for (let number = 0; number < 3; number += 1) made.add(number === 0 ? job : someJob({}), noLimits);
    made.close();
    cpSync(elsewhere, join(alias, 'service'), { recursive: true });
    mkdirSync(join(alias, 'service', 'results', job.id), { recursive: true });
    const { database, setAside } = await start(() => openJobDatabase(join(folder, 'service', 'jobs.sqlite')));
    const found = new JobDatabase(database);
    try {
      assert.equal(setAside, undefined, `a disk that fails for a moment is no damaged database: ${setAside?.because}`);
      assert.equal((await start(() => found.get(job.id)))?.id, job.id);
    } finally {
      disk.mend();
      found.close();
    }
    assert.deepEqual(
      readdirSync(join(alias, 'service')).filter((name) => name.includes('damaged')),
      [],
    );
  },
};
