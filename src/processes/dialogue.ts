import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import { Calls } from '../threads/calls.ts';
import { type CarriedError, carried, uncarried } from '../threads/carried-error.ts';

/** A question, or what became of one. */
export type Ask =
  | { readonly kind: 'ask'; readonly call: number; readonly act: string; readonly given: unknown }
  | { readonly kind: 'answer'; readonly call: number; readonly answer: unknown }
  | { readonly kind: 'failed'; readonly call: number; readonly error: CarriedError };

/**
 * Questions and answers between two processes. Each has a limit of time; an error arrives as it was
 * thrown. How messages travel is the caller's: `send` and `receive`.
 */
export class Dialogue<Theirs extends { [Name in keyof Theirs]: (given: never) => unknown }> {
  readonly #calls = new Calls();
  readonly #acts: () => unknown;
  readonly #send: (message: Ask) => void;
  readonly #with: string;

  /** `with_`: who is asked, as an error calls it. */
  constructor(of: { acts: () => unknown; send: (message: Ask) => void; with_: string }) {
    this.#acts = of.acts;
    this.#send = of.send;
    this.#with = of.with_;
  }

  async ask<Act extends keyof Theirs & string>(
    act: Act,
    given: Parameters<Theirs[Act]>[0],
    limitMs: number,
  ): Promise<Awaited<ReturnType<Theirs[Act]>>> {
    let overtime: NodeJS.Timeout | undefined;
    try {
      return await this.#calls.ask((call) => {
        overtime = setTimeout(() => this.#calls.failed(call, this.#silent(act, limitMs)), limitMs);
        this.#send({ kind: 'ask', call, act, given });
      });
    } finally {
      clearTimeout(overtime);
    }
  }

  receive(message: Ask): void {
    switch (message.kind) {
      case 'answer':
        this.#calls.answered(message.call, message.answer);
        return;
      case 'failed':
        this.#calls.failed(message.call, uncarried(message.error));
        return;
      case 'ask':
        void this.#answer(message.call, message.act, message.given);
    }
  }

  /** The other end is gone: nothing that was asked will be answered. */
  end(): void {
    this.#calls.failAll(
      new ServiceError('not_ready', say`Cannot ask ${ours(this.#with)}: it has ended; try again.`, {
        retryAfterMs: 1000,
      }),
    );
  }

  async #answer(call: number, act: string, given: unknown): Promise<void> {
    try {
      const acts = this.#acts() as Readonly<Record<string, (given: unknown) => unknown>> | undefined;
      const does = acts?.[act];
      if (!does) throw new ServiceError('not_ready', say`Cannot answer ${ours(act)}: the process is starting.`);
      const answer = await does(given);
      this.#send({ kind: 'answer', call, answer });
    } catch (error) {
      this.#send({ kind: 'failed', call, error: carried(error) });
    }
  }

  #silent(act: string, limitMs: number): ServiceError {
    return new ServiceError(
      'not_ready',
      say`Cannot go on: ${ours(this.#with)} did not answer ${ours(act)} within ${limitMs} ms; try again.`,
      { retryAfterMs: 1000 },
    );
  }
}
