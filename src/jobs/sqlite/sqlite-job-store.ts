import { join } from 'node:path';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { log } from '../../telemetry/logger.ts';
import { Calls } from '../../threads/calls.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { openThread, type Thread } from '../../threads/open-thread.ts';
import { type MethodOf, remote } from '../../threads/remote.ts';
import type { JobStore } from '../job-store.ts';
import { JobDatabase } from './job-database.ts';
import type { StoreAnswer, StoreCall } from './job-store-messages.ts';
import type { SetAside } from './set-aside.ts';

/**
 * The jobs of one machine, in VITRINE_DATA/service/jobs.sqlite: the methods of JobDatabase, on a
 * thread of its own. `owner` names the process that works on what it takes.
 */
export async function openSqliteJobStore(config: Pick<Config, 'data'>, owner = 'service'): Promise<JobStore> {
  const thread = new StoreThread(join(config.data, 'service', 'jobs.sqlite'));
  await thread.opened;
  const jobs = remote(JobDatabase, (method, given) => thread.ask(method, given));
  return {
    ...jobs,
    // One at a time: a statement of SQLite costs no round trip.
    take: async ({ placesLeft, nowMs, startedMs }) => {
      const kindsFull = Object.entries(placesLeft).flatMap(([kind, left]) => (left <= 0 ? [kind] : []));
      const job = await jobs.take({ owner, kindsFull, nowMs, startedMs });
      return job ? [job] : [];
    },
    excuse: () => jobs.excuse(owner),
    clock: undefined,
    hear: () => undefined,
    announce: () => undefined,
    get trouble() {
      return thread.trouble;
    },
    [Symbol.asyncDispose]: () => thread.close(),
  };
}

class StoreThread {
  readonly opened: Promise<void>;
  readonly #thread: Thread<StoreCall>;
  readonly #calls = new Calls();
  readonly #ended = Promise.withResolvers<void>();
  #state: { kind: 'open' } | { kind: 'not_writable'; message: string } | { kind: 'gone'; message: string } = {
    kind: 'open',
  };

  constructor(file: string) {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.opened = promise;
    this.#thread = openThread<StoreCall, StoreAnswer>(
      new URL('./job-store-program.ts', import.meta.url),
      { workerData: { file } },
      {
        received: (answer) => {
          switch (answer.kind) {
            case 'opened':
              logSetAside(answer.setAside);
              resolve();
              return;
            case 'unusable':
              reject(uncarried(answer.failure));
              return;
            default:
              this.#settle(answer);
          }
        },
        ended: (how, cause) => {
          this.#lose(`its thread ended: ${how}`);
          reject(cause ?? new Error(`The thread of the jobs' database ended: ${how}`));
          this.#ended.resolve();
        },
      },
    );
  }

  get trouble(): JobStore['trouble'] {
    const state = this.#state;
    return state.kind === 'open' ? undefined : { usable: state.kind === 'not_writable', message: state.message };
  }

  async ask(method: MethodOf<JobDatabase>, given: readonly unknown[]): Promise<unknown> {
    if (this.#state.kind === 'gone') throw goneError(this.#state.message);
    return this.#calls.ask((call) => this.#thread.send({ call, method, given }));
  }

  async close(): Promise<void> {
    if (this.#state.kind === 'gone') {
      await this.#thread.worker.terminate();
      return;
    }
    await this.ask('close', []);
    await this.#ended.promise;
  }

  #settle(answer: Extract<StoreAnswer, { call: number }>): void {
    if (answer.kind === 'answer') {
      // Reading works on a full disk too, and a change that met no row wrote nothing.
      if (answer.wrote && this.#state.kind === 'not_writable') this.#state = { kind: 'open' };
      this.#calls.answered(answer.call, answer.answer);
      return;
    }
    const error = uncarried(answer.failure);
    if (answer.damaged) this.#lose('its file is damaged, and the next start sets it aside and saves what can be read');
    if (error instanceof ServiceError && error.code === 'not_kept')
      this.#state = { kind: 'not_writable', message: error.message };
    else
      log('app', 'error', `The jobs' database failed: ${answer.why.slice(0, 2_000)}`, {
        event_type: 'job_store_failed',
      });
    this.#calls.failed(answer.call, error);
  }

  #lose(message: string): void {
    this.#state = { kind: 'gone', message: `The jobs' database cannot be used: ${message}; restart the service.` };
    this.#calls.failAll(goneError(this.#state.message));
  }
}

function logSetAside(setAside: SetAside | undefined): void {
  if (!setAside) return;
  const { folder, because, saved, left } = setAside;
  log(
    'app',
    'error',
    `The jobs' database could not be used (${because.replace(/\s+/g, ' ').slice(0, 200)}): it was set aside with its uploads and results in ${folder}. ${saved} jobs could be read and go on; ${left} folders of uploads and results belong to none of them and lie there.`,
    { event_type: 'job_store_set_aside', saved, left },
  );
}

function goneError(message: string): ServiceError {
  return new ServiceError('not_ready', message, { retryAfterMs: 10_000 });
}
