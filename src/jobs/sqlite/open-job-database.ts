import { type Opened, openOrSetAside } from '../../sqlite/open-or-set-aside.ts';
import type { DatabaseTerms } from '../../sqlite/open-sound.ts';
import { jobMigrations } from './job-migrations.ts';
import { finishSettingAside, leftByJobs, type SetAside, setAside } from './set-aside.ts';

/**
 * A file that is damaged, or gone while the folders of its jobs are there, is set aside with them.
 */
export function openJobDatabase(file: string, migrations?: readonly string[]): Opened<SetAside> {
  const terms = jobDatabaseTerms(file, migrations);
  return openOrSetAside(terms, {
    who: 'service',
    setAside: (because) => setAside(terms, because),
    finish: () => finishSettingAside(terms),
  });
}

/**
 * A job that was accepted survives a power cut too: a commit is one fsync on the store's own
 * thread, and jobs come a few a second at most.
 */
export function jobDatabaseTerms(file: string, migrations: readonly string[] = jobMigrations): DatabaseTerms {
  return {
    file,
    synchronous: 'FULL',
    migrations,
    wasThere: () => leftByJobs(file),
    remedyForNewer:
      'start that version, or move the file away with the folders work and results beside it, which loses the jobs in it',
  };
}
