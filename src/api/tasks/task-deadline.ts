import type { Request } from 'express';
import type { Config } from '../../config.ts';
import { wholeHeader } from '../../http/whole-header.ts';

/** `at` is in the milliseconds of performance.now(). */
export type Deadline = { readonly at: number; readonly setBy: 'caller' | 'server' };

/** When a task has to be done: what the server allows, or less where the request asks for less. */
export function taskDeadline(request: Request, { taskMsMax }: Pick<Config, 'taskMsMax'>): Deadline {
  const wanted = wholeHeader(request, 'x-request-timeout-ms', 1) ?? Number.POSITIVE_INFINITY;
  return wanted < taskMsMax
    ? { at: performance.now() + wanted, setBy: 'caller' }
    : { at: performance.now() + taskMsMax, setBy: 'server' };
}
