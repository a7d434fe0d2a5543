import { parentPort, workerData } from 'node:worker_threads';
import { ServiceError } from '../errors.ts';
import { JobDatabase } from './job-database.ts';
import type { StoreAnswer, StoreCall, StoreFailure } from './job-store-messages.ts';
import { isDamaged, isNotWritten, openJobDatabase, openSound } from './open-job-database.ts';

// The thread of the jobs' store: SQLite is synchronous here, and an fsync may take long.

const port = parentPort;
if (!port) throw new Error('job-store-program.ts runs as a worker thread');
const say = (answer: StoreAnswer) => port.postMessage(answer);

try {
  const { file } = workerData as { file: string };
  const { database, setAside } = openJobDatabase(file);
  let jobs: JobDatabase | undefined = new JobDatabase(database);
  /**
   * After a disk that failed for a moment SQLite may take its file for damaged when only what it remembers of it is. So it is closed, opened anew and
   * looked through, which decides; answers what the call failed by.
   */
  const doubted = (error: unknown): unknown => {
    if (!isDamaged(error) || !jobs) return error;
    const doubtful = jobs;
    jobs = undefined;
    try {
      doubtful.close();
      jobs = new JobDatabase(openSound(file));
      return Object.assign(new Error('it was opened anew after a failure of the disk'), { code: 'EIO' });
    } catch (again) {
      return again;
    }
  };
  port.on('message', ({ number, method, given }: StoreCall) => {
    try {
      jobs ??= new JobDatabase(openSound(file));
      const act = jobs[method] as (...given: readonly unknown[]) => unknown;
      const before = jobs.rowsWritten();
      const answer = act.apply(jobs, given as unknown[]);
      say({ kind: 'answer', number, answer, wrote: method !== 'close' && jobs.rowsWritten() !== before });
      // With nothing left to listen to, the thread ends by itself.
      if (method === 'close') port.close();
    } catch (error) {
      say({ kind: 'failure', number, failure: asFailure(doubted(error)) });
    }
  });
  say({ kind: 'opened', setAside });
} catch (error) {
  say({ kind: 'unusable', failure: asFailure(error) });
}

function asFailure(error: unknown): StoreFailure {
  const message = error instanceof Error ? error.message : String(error);
  const why = error instanceof Error ? (error.stack ?? message) : message;
  const damaged = isDamaged(error);
  if (error instanceof ServiceError) return { code: error.code, message, why, damaged };
  if (isNotWritten(error))
    return {
      code: 'not_kept',
      message: `Cannot keep the job: its database cannot be written (${message}); free the disk of VITRINE_DATA and send it again.`,
      why,
      damaged,
    };
  return { code: undefined, message, why, damaged };
}
