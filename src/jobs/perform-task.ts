import { join } from 'node:path';
import { type FailureCode, ServiceError } from '../errors.ts';
import { RequestRow } from '../observe/flight/request-row.ts';
import { RequestTable } from '../observe/flight/request-table.ts';
import type { ModelUses } from '../observe/model-uses.ts';
import type { TaskAsker } from '../observe/task-asker.ts';
import { runTask } from '../tasks/task.ts';
import type { TaskTools } from '../tasks/task-tools.ts';
import type { TaskRequest } from '../tasks/task-types.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Perform } from './run-attempt.ts';

/** A job's work is a task. It is done and counted as if a request waited for it. */
export function performTask(
  parts: Pick<TaskTools, 'config' | 'registry' | 'threads' | 'metrics'> & { readonly uses?: ModelUses | undefined },
): Perform {
  // A job has no request that its time belongs to, and is not in the flight recorder.
  const table = new RequestTable();
  return async (job, { work, ...tools }) => {
    const row = new RequestRow(table);
    const asker: TaskAsker = {
      row,
      servedBy: undefined,
      task: undefined,
      spending: undefined,
      inputs: undefined,
      waits: undefined,
    };
    let failure: FailureCode | undefined;
    try {
      return await runTask(filesIn(work, job.request), {
        ...parts,
        ...tools,
        tenant: job.tenant,
        asker,
        belongsTo: { [attribute.jobId]: job.id },
      });
    } catch (error) {
      failure = error instanceof ServiceError ? error.code : 'internal';
      throw error;
    } finally {
      const { task, servedBy } = asker;
      row.close(undefined);
      if (servedBy) parts.uses?.ended({ model: servedBy.name, task, tenant: job.tenant, row, failure });
      row.release();
    }
  };
}

/** The files where they lie now: the data folder may have moved since they were taken. */
function filesIn(work: string, request: TaskRequest): TaskRequest {
  return { ...request, files: request.files.map((file) => ({ ...file, path: join(work, file.path) })) };
}
