import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { uncarried } from '../../threads/carried-error.ts';
import { isOutOfMemory } from '../../threads/open-thread.ts';
import { SerialThread } from '../../threads/serial-thread.ts';
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

const program = new URL('./step-thread-program.ts', import.meta.url);

/** Does the longer operations of all pipelines in a thread of its own, one after the other. */
export class StepThread {
  readonly #thread = new SerialThread<ToStepThread, FromStepThread>(
    program,
    { name: 'pipeline-steps' },
    { gone, lost },
  );

  /** The inputs are read until the asker hears. */
  run(message: ToStepThread, asker: StepAsker): void {
    let beganAt = 0;
    this.#thread.run({
      isAborted: () => asker.signal.aborted,
      begin: () => {
        beganAt = performance.now();
        asker.began();
        // Copies: a view would take the whole buffer with it, which others read.
        const inputs = message.inputs.map(copyOf);
        return { message: { ...message, inputs }, transfer: buffersUnder(inputs.map(({ data }) => data)) };
      },
      answered: (answer) => {
        if (answer.kind === 'failed') asker.failed(uncarried(answer.failure));
        else asker.ended(answer.made, beganAt);
      },
      failed: (error) => asker.failed(error),
    });
  }

  close(): void {
    this.#thread.close();
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
