import { join } from 'node:path';
import { type FailureCode, ServiceError } from '../errors.ts';
import type { ModelUses } from '../observe/model-uses.ts';
import type { TaskAsker } from '../observe/task-asker.ts';
import { TimeAccount } from '../observe/time-account.ts';
import { runTask } from '../tasks/task.ts';
import type { TaskTools } from '../tasks/task-tools.ts';
import type { TaskRequest } from '../tasks/task-types.ts';
import { attribute } from '../telemetry/names/names.ts';
import type { Perform } from './run-attempt.ts';

/** A job's work is a task, done as a request would have done it, and its use of the model is counted like that of a request. */
export function performTask(
  parts: Pick<TaskTools, 'config' | 'registry' | 'threads' | 'metrics'> & { readonly uses?: ModelUses | undefined },
): Perform {
  return async (job, { work, ...tools }) => {
    const asker = new JobAsker();
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
      const { account, task, servedBy } = asker;
      account.close(undefined);
      if (servedBy) parts.uses?.ended({ model: servedBy.name, task, tenant: job.tenant, account, failure });
    }
  };
}

/** A job has no request that its time belongs to. */
class JobAsker implements TaskAsker {
  readonly account = new TimeAccount();
  servedBy: TaskAsker['servedBy'];
  task: TaskAsker['task'];
  spending: TaskAsker['spending'];
  inputs: TaskAsker['inputs'];

  arrived(...queue: Parameters<TaskAsker['arrived']>): void {
    this.account.arrived(...queue);
  }
}

/** The files where they lie now: the data folder may have moved since they were taken. */
function filesIn(work: string, request: TaskRequest): TaskRequest {
  return { ...request, files: request.files.map((file) => ({ ...file, path: join(work, file.path) })) };
}
