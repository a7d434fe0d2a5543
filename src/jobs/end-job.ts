import type { JobFiles } from './files/job-files.ts';
import type { Job } from './job.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { LiveJobs } from './live-jobs.ts';
import { recordEnd } from './log-job.ts';
import type { WorkFolders } from './work-folders.ts';

/**
 * What follows from the end of a job in the store. It can fail without anything happening to the
 * job or its result.
 */
export async function endJob(
  job: Job,
  { metrics, live, folders, files }: { metrics: JobMetrics; live: LiveJobs; folders: WorkFolders; files: JobFiles },
): Promise<void> {
  recordEnd(job, metrics);
  live.announceEnd(job);
  await folders.remove(job.id);
  await files.removeUploads(job.id);
  if (job.deleteWanted) await files.removeResult(job.id);
}
