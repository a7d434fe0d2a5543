import { workerData } from 'node:worker_threads';
import { ServiceError } from '../../errors.ts';
import { diskFailureOf } from '../../resilience/disk-failure.ts';
import { openSound } from '../../sqlite/open-sound.ts';
import { isDamaged } from '../../sqlite/sqlite-failures.ts';
import { carried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import { JobDatabase } from './job-database.ts';
import type { StoreAnswer, StoreCall } from './job-store-messages.ts';
import { jobDatabaseTerms, openJobDatabase } from './open-job-database.ts';

// The thread of the jobs' store: SQLite is synchronous here, and an fsync may take long.

const service = parent<StoreCall, StoreAnswer>();
const { file } = workerData as { file: string };
let jobs: JobDatabase | undefined;

try {
  const { database, setAside } = openJobDatabase(file);
  jobs = new JobDatabase(database);
  service.receive(answer);
  service.send({ kind: 'opened', setAside });
} catch (error) {
  service.send({ kind: 'unusable', failure: carried(error) });
}

function answer({ call, method, given }: StoreCall): void {
  try {
    jobs ??= new JobDatabase(openSound(jobDatabaseTerms(file)));
    const act = jobs[method] as (...given: readonly unknown[]) => unknown;
    const before = jobs.rowsWritten();
    const answer = act.apply(jobs, given as unknown[]);
    service.send({ kind: 'answer', call, answer, wrote: method !== 'close' && jobs.rowsWritten() !== before });
    // With nothing left to listen to, the thread ends by itself.
    if (method === 'close') service.close();
  } catch (thrown) {
    const error = doubted(thrown);
    const why = error instanceof Error ? (error.stack ?? error.message) : String(error);
    service.send({ kind: 'failure', call, failure: carried(named(error)), damaged: isDamaged(error), why });
  }
}

/**
 * After a disk that failed for a moment SQLite may take its file for damaged when only its cache
 * is. So it is closed, opened again and looked through, which decides; answers what the call failed
 * by.
 */
function doubted(error: unknown): unknown {
  if (!isDamaged(error) || !jobs) return error;
  const doubtful = jobs;
  jobs = undefined;
  try {
    doubtful.close();
    jobs = new JobDatabase(openSound(jobDatabaseTerms(file)));
    return Object.assign(new Error('it was opened again after a failure of the disk'), { code: 'EIO' });
  } catch (again) {
    return again;
  }
}

/** A disk that is full, failing or read-only: nothing was kept, and trying again later may help. */
function named(error: unknown): unknown {
  if (diskFailureOf(error) === undefined) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new ServiceError(
    'not_kept',
    `Cannot keep the job: its database cannot be written (${message}); free the disk of VITRINE_DATA and send it again.`,
    { cause: error, retryAfterMs: 10_000 },
  );
}
