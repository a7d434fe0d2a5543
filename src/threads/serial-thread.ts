import type { WorkerOptions } from 'node:worker_threads';
import { reportDefect } from '../telemetry/report-defect.ts';
import { openThread, type Thread } from './open-thread.ts';

/** Something to be done in the thread. One of `answered` and `failed` is called, once. */
export type SerialWork<Sent, Received> = {
  /** Who has gone needs no answer. */
  isAborted(): boolean;
  /** Its turn has come: what is sent, and what changes hands. What it throws is its failure. */
  begin(): { readonly message: Sent; readonly transfer: readonly ArrayBuffer[] };
  answered(answer: Received): void;
  failed(error: Error): void;
};

/** What fails in which words. */
export type SerialFailures = {
  gone(): Error;
  /** The thread has ended with this work; `how`: in words. */
  lost(how: string, cause: unknown): Error;
};

/** Without work for this long it is ended: what it grew to goes back to the system. */
const idleMsMax = 30_000;

/**
 * A thread that does one thing after the other. Opened when it is first needed. One that is lost
 * costs the work that it was at.
 */
export class SerialThread<Sent, Received> {
  readonly #program: URL;
  readonly #options: WorkerOptions;
  readonly #failures: SerialFailures;
  readonly #waiting: SerialWork<Sent, Received>[] = [];
  #thread: Thread<Sent> | undefined;
  #current: SerialWork<Sent, Received> | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(program: URL, options: WorkerOptions, failures: SerialFailures) {
    this.#program = program;
    this.#options = options;
    this.#failures = failures;
  }

  run(work: SerialWork<Sent, Received>): void {
    this.#waiting.push(work);
    this.#next();
  }

  close(): void {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    this.#thread = undefined;
    thread?.worker.terminate().catch((error: unknown) => reportDefect('promise', error));
  }

  #next(): void {
    if (this.#current) return;
    let work = this.#waiting.shift();
    for (; work?.isAborted(); work = this.#waiting.shift()) work.failed(this.#failures.gone());
    clearTimeout(this.#idle);
    if (!work) {
      this.#idle = setTimeout(() => this.close(), idleMsMax).unref();
      return;
    }
    this.#thread ??= this.#open();
    try {
      const { message, transfer } = work.begin();
      this.#thread.send(message, transfer);
      this.#current = work;
    } catch (error) {
      work.failed(error as Error);
      this.#next();
    }
  }

  #open(): Thread<Sent> {
    const thread: Thread<Sent> = openThread<Sent, Received>(this.#program, this.#options, {
      received: (answer) => this.#takeCurrent()?.answered(answer),
      ended: (how, cause) => {
        if (this.#thread !== thread) return;
        this.#thread = undefined;
        this.#takeCurrent()?.failed(this.#failures.lost(how, cause));
      },
    });
    // An idle thread holds up no end of the process.
    thread.worker.unref();
    return thread;
  }

  /** What it was at; it goes on before that is answered. */
  #takeCurrent(): SerialWork<Sent, Received> | undefined {
    const work = this.#current;
    this.#current = undefined;
    this.#next();
    return work;
  }
}
