import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { reportDefect } from '../../telemetry/report-defect.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { isOutOfMemory, openThread, type Thread } from '../../threads/open-thread.ts';
import { isStrings, type Tensor } from '../tensor.ts';
import type { Made } from './operations/operation.ts';
import type { FromStepThread, ToStepThread } from './step-thread-messages.ts';

/** Who waits for an operation. One of the last two is called, once. */
export type StepAsker = {
  /** Who has gone needs no answer. */
  readonly signal: { readonly aborted: boolean };
  /** Its turn has come. */
  began(): void;
  ended(made: readonly Made[], beganAt: number): void;
  failed(error: Error): void;
};

type Work = { readonly message: ToStepThread; readonly asker: StepAsker; beganAt: number };

const program = new URL('./step-thread-program.ts', import.meta.url);

/** Without work for this long it is ended: what it grew to goes back to the system. */
const idleMsMax = 30_000;

/**
 * Does the longer operations of all pipelines in a thread of its own, one after the other. Opened
 * when it is first needed. One that is lost costs the request that it was at.
 */
export class StepThread {
  readonly #waiting: Work[] = [];
  #thread: Thread<ToStepThread> | undefined;
  #current: Work | undefined;
  #idle: NodeJS.Timeout | undefined;

  /** The inputs are read until the asker hears. */
  run(message: ToStepThread, asker: StepAsker): void {
    this.#waiting.push({ message, asker, beganAt: 0 });
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
    for (; work?.asker.signal.aborted; work = this.#waiting.shift()) work.asker.failed(gone());
    clearTimeout(this.#idle);
    if (!work) {
      this.#idle = setTimeout(() => this.close(), idleMsMax).unref();
      return;
    }
    this.#thread ??= this.#open();
    const { message, asker } = work;
    work.beganAt = performance.now();
    asker.began();
    try {
      // Copies: a view would take the whole buffer with it, which others read.
      const inputs = message.inputs.map(copyOf);
      this.#thread.send({ ...message, inputs }, buffersUnder(inputs.map(({ data }) => data)));
      this.#current = work;
    } catch (error) {
      asker.failed(error as Error);
      this.#next();
    }
  }

  #open(): Thread<ToStepThread> {
    const thread: Thread<ToStepThread> = openThread<ToStepThread, FromStepThread>(
      program,
      { name: 'pipeline-steps' },
      {
        received: (answer) => this.#answered(answer),
        ended: (how, cause) => this.#ended(thread, how, cause),
      },
    );
    // An idle thread holds up no end of the process.
    thread.worker.unref();
    return thread;
  }

  #answered(answer: FromStepThread): void {
    const work = this.#current;
    this.#current = undefined;
    this.#next();
    if (answer.kind === 'failed') work?.asker.failed(uncarried(answer.failure));
    else work?.asker.ended(answer.made, work.beganAt);
  }

  #ended(thread: Thread<ToStepThread>, how: string, cause: unknown): void {
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const work = this.#current;
    this.#current = undefined;
    this.#next();
    work?.asker.failed(lost(how, cause));
  }
}

function copyOf({ name, datatype, shape, data }: Tensor): Tensor {
  return { name, datatype, shape, data: isStrings(data) ? data : data.slice() };
}

function gone(): ServiceError {
  return new ServiceError('caller_gone', say`Cannot go on: nobody waits for the operation any more.`);
}

function lost(how: string, cause: unknown): Error {
  if (isOutOfMemory(cause))
    return new ServiceError(
      'invalid_input',
      say`Cannot do the operation: its tensors take more memory than there is; send less at once.`,
      { cause },
    );
  return new Error(`The thread for operations was lost: ${how}`, { cause });
}
