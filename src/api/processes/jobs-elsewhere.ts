import { openAsBlob } from 'node:fs';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import type { Request, Response } from 'express';
import type { Config } from '../../config.ts';
import type { JobQueue } from '../../jobs/job-queue.ts';
import type { JobsStanding } from '../../processes/messages.ts';
import type { Seat } from '../../processes/seat.ts';
import type { TaskRequest } from '../../tasks/task-types.ts';
import { PassOn } from './pass-on.ts';

/** The process that has the database of jobs, and works on them. */
export const jobsProcess = 1;

/**
 * The jobs, as a process sees them that does not have them: whatever is asked of them is passed on
 * to the one that does.
 */
export class JobsElsewhere implements Pick<JobQueue, 'storeTrouble' | 'foldersSetAside' | 'storeAnswerMs'> {
  readonly #seat: Seat;
  readonly #way: PassOn;

  constructor(seat: Seat, config: Pick<Config, 'processWaitMsMax'>) {
    this.#seat = seat;
    this.#way = new PassOn(seat, config);
  }

  get storeTrouble(): JobsStanding['trouble'] {
    return this.#seat.whole.jobs?.trouble;
  }

  async foldersSetAside(): Promise<string[]> {
    return [...(this.#seat.whole.jobs?.setAside ?? [])];
  }

  async storeAnswerMs(): Promise<number | undefined> {
    return this.#seat.whole.jobs?.answerMs;
  }

  pass(request: Request, response: Response): Promise<void> {
    return this.#way.pass(request, response, jobsProcess);
  }

  /** A task whose form was read here before it was seen that it becomes a job. */
  async passTask(request: Request, response: Response, { parameters, files }: TaskRequest): Promise<void> {
    const form = new FormData();
    for (const [name, value] of Object.entries(parameters)) if (value !== undefined) form.append(name, String(value));
    for (const { field, name, path } of files) form.append(field, await openAsBlob(path), name);
    const encoded = new globalThis.Response(form);
    await this.#way.pass(request, response, jobsProcess, {
      type: encoded.headers.get('content-type')!,
      bytes: Readable.fromWeb(encoded.body as ReadableStream),
    });
  }
}
