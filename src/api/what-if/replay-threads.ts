import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { WhatIf } from '../../observe/what-if/what-if.ts';
import { say } from '../../sentence.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { openThread } from '../../threads/open-thread.ts';
import type { FromReplayThread, ToReplayThread } from './what-if-messages.ts';

const program = new URL('./replay-thread-program.ts', import.meta.url);

/** Replays in threads: a few at once, each for a limited time, none for a caller who has left. */
export class ReplayThreads {
  readonly #max: number;
  readonly #msMax: number;
  #running = 0;

  constructor({ whatIfMax, whatIfMsMax }: Pick<Config, 'whatIfMax' | 'whatIfMsMax'>) {
    this.#max = whatIfMax;
    this.#msMax = whatIfMsMax;
  }

  /** Takes a place for what `act` does; throws busy where there is none. */
  async inPlace<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    if (this.#running >= this.#max)
      throw new ServiceError(
        'busy',
        say`Cannot replay now: ${this.#running} replays are running; come again in a second, or raise VITRINE_WHAT_IF_MAX.`,
        { retryAfterMs: 1_000 },
      );
    this.#running += 1;
    try {
      return await act();
    } finally {
      this.#running -= 1;
    }
  }

  async replay(question: ToReplayThread, left: AbortSignal): Promise<WhatIf> {
    const { promise, resolve, reject } = Promise.withResolvers<WhatIf>();
    const thread = openThread<ToReplayThread, FromReplayThread>(
      program,
      { name: 'replay' },
      {
        received: (answer) => (answer.kind === 'found' ? resolve(answer.found) : reject(uncarried(answer.failure))),
        ended: (how, cause) => reject(new Error(`The thread of a replay was lost: ${how}`, { cause })),
      },
    );
    thread.worker.unref();
    const overtime = setTimeout(() => reject(tooLong(this.#msMax)), this.#msMax);
    const leave = () => reject(new ServiceError('caller_gone', say`Cannot answer: the caller has gone.`));
    left.addEventListener('abort', leave, { once: true });
    if (left.aborted) leave();
    try {
      thread.send(question, buffersUnder(Object.values(question.load.columns)));
      return await promise;
    } finally {
      clearTimeout(overtime);
      left.removeEventListener('abort', leave);
      await thread.worker.terminate();
    }
  }
}

function tooLong(msMax: number): ServiceError {
  return new ServiceError(
    'deadline_exceeded',
    say`Cannot replay so many requests in ${msMax} ms; ask for fewer minutes, or raise VITRINE_WHAT_IF_MS_MAX.`,
  );
}
