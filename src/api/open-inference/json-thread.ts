import { ServiceError } from '../../errors.ts';
import { SharedBudget } from '../../resilience/shared-budget.ts';
import { say } from '../../sentence.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { isOutOfMemory } from '../../threads/open-thread.ts';
import { SerialThread } from '../../threads/serial-thread.ts';
import type { InferCall } from './infer-call.ts';
import type { FromJsonThread, ToJsonThread } from './json-thread-messages.ts';
import type { WrittenData } from './written-data.ts';

/** Who asks: a request, and who is charged for it. */
export type Asker = { readonly aborted: boolean; readonly client: string };
const program = new URL('./json-thread-program.ts', import.meta.url);

/**
 * Reads and writes large JSON in a thread of its own, one after the other. One that runs out of
 * memory costs the request that it was at.
 */
export class JsonThread {
  readonly budget: SharedBudget;
  readonly #thread: SerialThread<ToJsonThread, FromJsonThread>;

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
    const maxOldGenerationSizeMb = 256 + Math.ceil((24 * limits.jsonBytesMax) / 2 ** 20);
    const options = { name: 'json', resourceLimits: { maxOldGenerationSizeMb } };
    this.#thread = new SerialThread(program, options, { gone, lost });
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
    const done = new Promise<FromJsonThread>((resolve, reject) =>
      this.#thread.run({
        isAborted: () => asker.aborted,
        begin: () => ({ message, transfer }),
        answered: (answer) => {
          if (answer.kind === 'failed') reject(uncarried(answer.failure));
          else resolve(answer);
        },
        failed: reject,
      }),
    );
    return done.finally(() => this.budget.giveBack(client, 1));
  }
}

function gone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot answer: the caller has gone.`);
}

function lost(_how: string, cause: unknown): Error {
  if (isOutOfMemory(cause))
    return new ServiceError(
      'body_too_large',
      say`Cannot read the body: its JSON takes more memory than there is for reading it; send large tensors as binary data.`,
      { cause },
    );
  return new Error('The thread for JSON ended before its work was done', { cause });
}
