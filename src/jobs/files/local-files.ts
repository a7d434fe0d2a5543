import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ServiceError } from '../../errors.ts';
import { asDiskFailure, onDisk } from '../../resilience/disk-failure.ts';
import { say } from '../../sentence.ts';
import { syncToDisk } from '../../sync-to-disk.ts';
import { keepResult } from '../keep-result.ts';
import type { WorkFolders } from '../work-folders.ts';
import type { JobFiles } from './job-files.ts';

/** The folder of this replica: uploads stay where they arrived, results are moved beside them. */
export function localFiles(folders: WorkFolders): JobFiles {
  return {
    isShared: false,
    keepUploads: (_id, folder, request) =>
      onDisk(async () => {
        for (const { path } of request.files) await syncToDisk(join(folder, path));
        await syncToDisk(folder);
        // A folder whose name is lost in a power cut is lost with all that is in it.
        await syncToDisk(dirname(folder));
        return request;
      }),
    fetchUploads: async () => undefined,
    keepResult: (job, result, folder) => keepResult(result, folder, folders.resultPathOf(job.id), job.attempt),
    open: async (job, { name }) => {
      const handle = await open(join(folders.keptPathOf(job), name), 'r').catch((cause: NodeJS.ErrnoException) => {
        if (cause.code !== 'ENOENT') throw asDiskFailure(cause);
        throw new ServiceError('job_not_found', say`Cannot answer: the result was deleted a moment ago.`, { cause });
      });
      return { handle };
    },
    // They lie in the folder of the work, which goes as a whole.
    removeUploads: async () => undefined,
    removeResult: (id) => folders.removeResult(id),
    // The next attempt replaces it.
    removeAttempt: async () => undefined,
    sweep: async () => undefined,
  };
}
