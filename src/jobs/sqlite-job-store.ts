import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { log } from '../telemetry/logger.ts';
import type { GivenBack, JobEnd, JobProgress, NewJob } from './job.ts';
import type { JobDatabase } from './job-database.ts';
import type { AddLimits, EndTimes, JobPage, JobStore } from './job-store.ts';
import type { StoreAnswer, StoreCall, StoreFailure, StoreMethod } from './job-store-messages.ts';
import type { SetAside } from './set-aside.ts';

/** The jobs of one machine, in VITRINE_DATA/service/jobs.sqlite, on a thread of its own. */
export class SqliteJobStore implements JobStore {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #state: { kind: 'open' } | { kind: 'not_writable'; message: string } | { kind: 'gone'; message: string } = {
    kind: 'open',
  };

  private constructor(thread: Worker) {
    this.#thread = thread;
  }

  static async open(config: Pick<Config, 'data'>): Promise<SqliteJobStore> {
    const file = join(config.data, 'service', 'jobs.sqlite');
    const thread = new Worker(new URL('./job-store-program.ts', import.meta.url), { workerData: { file } });
    const store = new SqliteJobStore(thread);
    await new Promise<void>((resolve, reject) => {
      thread.on('message', (answer: StoreAnswer) => {
        switch (answer.kind) {
          case 'opened':
            tellSetAside(answer.setAside);
            resolve();
            return;
          case 'unusable':
            reject(asError(answer.failure));
            return;
          default:
            store.#settle(answer);
        }
      });
      thread.once('error', (error) => {
        store.#lose(`its thread ended: ${error.message}`);
        reject(error);
      });
      thread.once('exit', () => store.#lose('its thread ended'));
    });
    return store;
  }

  get trouble(): JobStore['trouble'] {
    const state = this.#state;
    return state.kind === 'open' ? undefined : { usable: state.kind === 'not_writable', message: state.message };
  }

  add(job: NewJob, limits: AddLimits) {
    return this.#ask('add', job, limits);
  }

  get(id: string) {
    return this.#ask('get', id);
  }

  list(of: JobPage) {
    return this.#ask('list', of);
  }

  take(of: { kindsFull: readonly string[]; nowMs: number; startedMs: number }) {
    return this.#ask('take', of);
  }

  progress(id: string, attempt: number, progress: JobProgress) {
    return this.#ask('progress', id, attempt, progress);
  }

  finish(id: string, attempt: number, end: JobEnd, times: EndTimes) {
    return this.#ask('finish', id, attempt, end, times);
  }

  giveBack(id: string, attempt: number, of: { because: GivenBack; notBeforeMs: number } & EndTimes) {
    return this.#ask('giveBack', id, attempt, of);
  }

  cancel(id: string, times: EndTimes) {
    return this.#ask('cancel', id, times);
  }

  excuse() {
    return this.#ask('excuse');
  }

  recover(of: { interruptionsMax: number } & EndTimes) {
    return this.#ask('recover', of);
  }

  remove(id: string) {
    return this.#ask('remove', id);
  }

  expire(nowMs: number, limit: number) {
    return this.#ask('expire', nowMs, limit);
  }

  standing(nowMs: number, dueMs?: number) {
    return this.#ask('standing', nowMs, dueMs);
  }

  ahead(id: string) {
    return this.#ask('ahead', id);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.kind === 'gone') {
      await this.#thread.terminate();
      return;
    }
    const ended = new Promise((resolve) => this.#thread.once('exit', resolve));
    await this.#ask('close');
    await ended;
  }

  #ask<Method extends StoreMethod>(
    method: Method,
    ...given: Parameters<JobDatabase[Method]>
  ): Promise<ReturnType<JobDatabase[Method]>> {
    if (this.#state.kind === 'gone') return Promise.reject(goneError(this.#state.message));
    this.#calls += 1;
    const call: StoreCall = { number: this.#calls, method, given };
    return new Promise((resolve, reject) => {
      this.#waiting.set(call.number, { resolve: resolve as Waiting['resolve'], reject });
      this.#thread.postMessage(call);
    });
  }

  #settle(answer: Extract<StoreAnswer, { number: number }>): void {
    const waiting = this.#waiting.get(answer.number);
    this.#waiting.delete(answer.number);
    if (answer.kind === 'answer') {
      // Reading works on a full disk too, and a change that met no row wrote nothing.
      if (answer.wrote && this.#state.kind === 'not_writable') this.#state = { kind: 'open' };
      waiting?.resolve(answer.answer);
      return;
    }
    if (answer.failure.damaged)
      this.#lose('its file is damaged, and the next start sets it aside and saves what can be read');
    if (answer.failure.code === 'not_kept') this.#state = { kind: 'not_writable', message: answer.failure.message };
    else
      log('app', 'error', `The jobs' database failed: ${answer.failure.why.slice(0, 2_000)}`, {
        event_type: 'job_store_failed',
      });
    waiting?.reject(asError(answer.failure));
  }

  #lose(message: string): void {
    this.#state = { kind: 'gone', message: `The jobs' database cannot be used: ${message}; restart the service.` };
    for (const { reject } of this.#waiting.values()) reject(goneError(this.#state.message));
    this.#waiting.clear();
  }
}

type Waiting = {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
};

function tellSetAside(setAside: SetAside | undefined): void {
  if (!setAside) return;
  const { folder, because, saved, left } = setAside;
  log(
    'app',
    'error',
    `The jobs' database could not be used (${because.replace(/\s+/g, ' ').slice(0, 200)}): it was set aside with its uploads and results in ${folder}. ${saved} jobs could be read and go on; ${left} folders of uploads and results belong to none of them and lie there.`,
    { event_type: 'job_store_set_aside', saved, left },
  );
}

function asError({ code, message, why }: StoreFailure): Error {
  return code === undefined ? new Error(why) : new ServiceError(code, message, { cause: why, retryAfterMs: 10_000 });
}

function goneError(message: string): ServiceError {
  return new ServiceError('not_ready', message, { retryAfterMs: 10_000 });
}
