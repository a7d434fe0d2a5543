import { join } from 'node:path';
import { runTask, type TaskRequest, type TaskTools } from '../tasks/task.ts';
import type { Perform } from './job-runner.ts';

/** A job's work is a task, done as a request would have done it. */
export function performTask(parts: Pick<TaskTools, 'config' | 'registry' | 'threads' | 'metrics'>): Perform {
  return (job, { work, ...tools }) =>
    runTask(filesIn(work, job.request), {
      ...parts,
      ...tools,
      tenant: job.tenant,
      belongsTo: { 'job.id': job.id },
    });
}

/** The files where they lie now: the data folder may have moved since they were taken. */
function filesIn(work: string, request: TaskRequest): TaskRequest {
  return { ...request, files: request.files.map((file) => ({ ...file, path: join(work, file.path) })) };
}
