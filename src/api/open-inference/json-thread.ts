import { ServiceError } from '../../errors.ts';
import { SharedBudget } from '../../resilience/shared-budget.ts';
import { say } from '../../sentence.ts';
import { reportDefect } from '../../telemetry/report-defect.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { isOutOfMemory, openThread, type Thread } from '../../threads/open-thread.ts';
import type { InferCall } from './infer-call.ts';
import type { FromJsonThread, ToJsonThread } from './json-thread-messages.ts';
import type { WrittenData } from './written-data.ts';

/** Who asks: a request, and who is charged for it. */
export type Asker = { readonly aborted: boolean; readonly client: string };
type Work = {
  readonly message: ToJsonThread;
  readonly transfer: readonly ArrayBuffer[];
  /** Who has gone needs no answer. */
  readonly asker: Asker;
  readonly resolve: (answer: FromJsonThread) => void;
  readonly reject: (error: Error) => void;
};

const program = new URL('./json-thread-program.ts', import.meta.url);

/** Without work for this long it is ended: what it grew to goes back to the system. */
const idleMsMax = 30_000;

/**
 * Reads and writes large JSON in a thread of its own, one after the other. Opened when it is first
 * needed. One that runs out of memory costs the request that it was at.
 */
export class JsonThread {
  readonly budget: SharedBudget;
  readonly #memoryMibMax: number;
  readonly #waiting: Work[] = [];
  #thread: Thread<ToJsonThread> | undefined;
  #current: Work | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(limits: {
    readonly jsonWaitingMax: number;
    readonly jsonBytesMax: number;
    readonly clientSharePercent: number;
  }) {
    this.budget = new SharedBudget({
      name: 'json',
      max: limits.jsonWaitingMax,
      sharePercent: limits.clientSharePercent,
      largest: 1,
      cannot: 'Cannot read or write so much JSON',
      held: (count) => `${count} requests are at it`,
      remedy: 'come again, or send and ask for binary data',
      setting: 'VITRINE_JSON_WAITING_MAX',
    });
    // A text, its values and a margin for the collector.
    this.#memoryMibMax = 256 + Math.ceil((24 * limits.jsonBytesMax) / 2 ** 20);
  }

  async read(
    message: ToJsonThread & { kind: 'read' },
    transfer: readonly ArrayBuffer[],
    asker: Asker,
  ): Promise<InferCall> {
    const answer = await this.#ask(message, transfer, asker);
    if (answer.kind === 'call') return answer.call;
    throw new Error(`The thread for JSON answered a request with ${answer.kind}`);
  }

  async write(
    message: ToJsonThread & { kind: 'write' },
    transfer: readonly ArrayBuffer[],
    asker: Asker,
  ): Promise<readonly WrittenData[]> {
    const answer = await this.#ask(message, transfer, asker);
    if (answer.kind === 'written') return answer.data;
    throw new Error(`The thread for JSON answered an answer with ${answer.kind}`);
  }

  #ask(message: ToJsonThread, transfer: readonly ArrayBuffer[], asker: Asker): Promise<FromJsonThread> {
    const { client } = asker;
    this.budget.take(client, 1);
    const done = new Promise<FromJsonThread>((resolve, reject) => {
      this.#waiting.push({ message, transfer, asker, resolve, reject });
      this.#next();
    });
    return done.finally(() => this.budget.giveBack(client, 1));
  }

  #next(): void {
    if (this.#current) return;
    let work = this.#waiting.shift();
    for (; work?.asker.aborted; work = this.#waiting.shift()) work.reject(gone());
    clearTimeout(this.#idle);
    if (!work) {
      this.#idle = setTimeout(() => this.#close(), idleMsMax).unref();
      return;
    }
    this.#thread ??= this.#open();
    try {
      this.#thread.send(work.message, work.transfer);
      this.#current = work;
    } catch (error) {
      work.reject(error as Error);
      this.#next();
    }
  }

  #open(): Thread<ToJsonThread> {
    const thread: Thread<ToJsonThread> = openThread<ToJsonThread, FromJsonThread>(
      program,
      { name: 'json', resourceLimits: { maxOldGenerationSizeMb: this.#memoryMibMax } },
      {
        received: (answer) => this.#answered(answer),
        ended: (_how, cause) => this.#ended(thread, cause),
      },
    );
    // An idle thread holds up no end of the process.
    thread.worker.unref();
    return thread;
  }

  #answered(answer: FromJsonThread): void {
    const work = this.#current;
    this.#current = undefined;
    this.#next();
    if (answer.kind === 'failed') work?.reject(uncarried(answer.failure));
    else work?.resolve(answer);
  }

  #close(): void {
    const thread = this.#thread;
    this.#thread = undefined;
    thread?.worker.terminate().catch((error: unknown) => reportDefect('promise', error));
  }

  #ended(thread: Thread<ToJsonThread>, cause: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const work = this.#current;
    this.#current = undefined;
    this.#next();
    work?.reject(lost(cause));
  }
}

function gone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot answer: the caller has gone.`);
}

function lost(cause: unknown): Error {
  if (isOutOfMemory(cause))
    return new ServiceError(
      'body_too_large',
      say`Cannot read the body: its JSON takes more memory than there is for reading it; send large tensors as binary data.`,
      { cause },
    );
  return new Error('The thread for JSON ended before its work was done', { cause });
}
