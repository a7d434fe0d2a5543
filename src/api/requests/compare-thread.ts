import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import type { Compared, Comparison } from '../../observe/compare/compare-requests.ts';
import { say } from '../../sentence.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { SerialThread } from '../../threads/serial-thread.ts';
import type { FromCompareThread, ToCompareThread } from './compare-messages.ts';

const program = new URL('./compare-thread-program.ts', import.meta.url);

/** Compares sets of requests in a thread of its own, one after the other. */
export class CompareThread {
  readonly #max: number;
  readonly #thread = new SerialThread<ToCompareThread, FromCompareThread>(program, { name: 'compare' }, { gone, lost });
  #taken = 0;

  constructor({ comparisonsMax }: Pick<Config, 'comparisonsMax'>) {
    this.#max = comparisonsMax;
  }

  /** Takes a place for what `act` does: each comparison has its numbers in memory. */
  async inPlace<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    if (this.#taken >= this.#max)
      throw new ServiceError(
        'busy',
        say`Cannot compare requests now: ${this.#taken} comparisons are under way; come again in a second, or raise VITRINE_COMPARISONS_MAX.`,
        { retryAfterMs: 1_000 },
      );
    this.#taken += 1;
    try {
      return await act();
    } finally {
      this.#taken -= 1;
    }
  }

  /** The numbers change hands. */
  compare(comparison: Comparison, left: AbortSignal): Promise<Compared> {
    const { members, columns } = comparison.requests;
    const views = [members, ...columns.map(({ values }) => values)];
    return new Promise((resolve, reject) =>
      this.#thread.run({
        isAborted: () => left.aborted,
        begin: () => ({ message: comparison, transfer: buffersUnder(views) }),
        answered: (answer) =>
          answer.kind === 'compared' ? resolve(answer.compared) : reject(uncarried(answer.failure)),
        failed: reject,
      }),
    );
  }

  close(): void {
    this.#thread.close();
  }
}

function gone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot answer: the caller has gone.`);
}

function lost(how: string, cause: unknown): Error {
  return new Error(`The thread that compares requests was lost: ${how}`, { cause });
}
