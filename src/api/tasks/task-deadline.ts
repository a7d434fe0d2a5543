import type { Request } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';

/** When a task has to be done, in the milliseconds of performance.now(): what the server allows, or less where the request asks for less. */
export function taskDeadline(request: Request, { taskMsMax }: Pick<Config, 'taskMsMax'>): number {
  const given = request.headers['x-request-timeout-ms'];
  if (given === undefined) return performance.now() + taskMsMax;
  const wanted = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : 0;
  if (wanted < 1)
    throw new ServiceError(
      'invalid_request',
      'Cannot take the request: its header X-Request-Timeout-Ms is no whole number of at least 1; correct it or leave it out.',
    );
  return performance.now() + Math.min(taskMsMax, wanted);
}
