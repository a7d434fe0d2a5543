import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

export function taskGone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot go on with the task: nobody waits for it any more.`);
}

export function taskTooLate(): ServiceError {
  return new ServiceError(
    'deadline_exceeded',
    say`Cannot finish the task in time: its deadline has passed; ask for less at once, raise VITRINE_TASK_MS_MAX, or have it done as a job (Prefer: respond-async).`,
  );
}
