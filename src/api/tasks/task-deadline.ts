import type { Request } from 'express';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

/** `at` is in the milliseconds of performance.now(). */
export type Deadline = { readonly at: number; readonly setBy: 'caller' | 'server' };

/** When a task has to be done: what the server allows, or less where the request asks for less. */
export function taskDeadline(request: Request, { taskMsMax }: Pick<Config, 'taskMsMax'>): Deadline {
  const given = request.headers['x-request-timeout-ms'];
  if (given === undefined) return { at: performance.now() + taskMsMax, setBy: 'server' };
  const wanted = typeof given === 'string' && /^\d{1,15}$/.test(given) ? Number(given) : 0;
  if (wanted < 1)
    throw new ServiceError(
      'invalid_request',
      say`Cannot take the request: its header X-Request-Timeout-Ms is no whole number of at least 1; correct it or leave it out.`,
    );
  return wanted < taskMsMax
    ? { at: performance.now() + wanted, setBy: 'caller' }
    : { at: performance.now() + taskMsMax, setBy: 'server' };
}
