import type { Config } from '../../config.ts';
import { Owned } from '../../engine/owned.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { retry } from '../../resilience/retry.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { carried, uncarried } from '../../threads/carried-error.ts';
import { isOutOfMemory, openThread, type Thread } from '../../threads/open-thread.ts';
import type { TaskRecord, TaskTools } from '../task-tools.ts';
import type { TaskResult } from '../task-types.ts';
import { monotonicMs } from './task-clock.ts';
import { taskGone, taskTooLate } from './task-ended.ts';
import { heapLimits, TaskMemory, taskTooLarge } from './task-memory.ts';
import type { FromThread, TaskOrder, ToThread } from './thread-messages.ts';

export type TaskThreadConfig = Pick<Config, 'taskMemoryBytesMax'>;

type Tools = TaskTools & { readonly record: TaskRecord };

type State =
  | { readonly kind: 'idle' }
  | { readonly kind: 'working'; readonly tools: Tools; readonly model: string; settle(end: End): void }
  | { readonly kind: 'ended' };

type End = { readonly result: TaskResult } | { readonly error: Error };

const program = new URL('./thread-program.ts', import.meta.url);

/**
 * How long a task that was given up may take to notice; then its thread is ended. It never runs
 * ONNX, so that is safe.
 */
const graceMs = 500;

/** One worker thread that does one task at a time. */
export class TaskThread {
  readonly #thread: Thread<ToThread>;
  readonly #memory: TaskMemory;
  #state: State = { kind: 'idle' };

  constructor({ taskMemoryBytesMax }: TaskThreadConfig) {
    const resourceLimits = heapLimits(taskMemoryBytesMax);
    this.#thread = openThread<ToThread, FromThread>(
      program,
      { resourceLimits },
      {
        received: (message) => this.#received(message),
        ended: (_how, cause) =>
          this.#lost(
            isOutOfMemory(cause)
              ? taskTooLarge(taskMemoryBytesMax)
              : (cause ?? new Error('The thread of a task ended before the task did.')),
          ),
      },
    );
    this.#memory = new TaskMemory(this.#thread.worker, taskMemoryBytesMax);
    // An idle thread holds up no end of the process.
    this.#thread.worker.unref();
  }

  /** False once it has ended: another has to take its place. */
  get isOpen(): boolean {
    return this.#state.kind !== 'ended';
  }

  async run(order: TaskOrder, tools: Tools): Promise<TaskResult> {
    const { config, folder, signal, deadlineAt } = tools;
    let givenUpFor: ServiceError | undefined;
    let grace: NodeJS.Timeout | undefined;
    const giveUp = (because: ServiceError) => {
      if (givenUpFor) return;
      givenUpFor = because;
      this.#say({ kind: 'abort' });
      grace = setTimeout(() => void this.close(), graceMs);
    };
    const gone = () => giveUp(taskGone());
    const watch = this.#memory.watch((error) => {
      givenUpFor ??= error;
      void this.close();
    });
    const overtime = setTimeout(
      () => giveUp(taskTooLate()),
      Math.min(2 ** 31 - 1, Math.max(0, deadlineAt - performance.now())),
    );
    signal.addEventListener('abort', gone);
    try {
      const end = await new Promise<End>((settle) => {
        this.#thread.worker.ref();
        this.#state = { kind: 'working', tools, model: order.model?.name ?? '', settle };
        tools.record.givenToThread();
        const zeroMs = performance.timeOrigin + performance.now() - monotonicMs();
        this.#say({ kind: 'work', order, config, folder, zeroMs });
        if (signal.aborted) gone();
      });
      if (givenUpFor) throw givenUpFor;
      if ('error' in end) throw end.error;
      return end.result;
    } finally {
      clearTimeout(overtime);
      clearTimeout(grace);
      clearInterval(watch);
      signal.removeEventListener('abort', gone);
      if (this.#state.kind === 'working') this.#state = { kind: 'idle' };
      this.#thread.worker.unref();
    }
  }

  async close(): Promise<void> {
    await this.#thread.worker.terminate();
  }

  #received(message: FromThread): void {
    const state = this.#state;
    if (state.kind !== 'working') return;
    switch (message.kind) {
      case 'infer':
        void this.#infer(message.call, message.inputs, state);
        break;
      case 'reserve':
        void state.tools.reserve(message.bytes).then(
          () => this.#say({ kind: 'answer', call: message.call, outputs: [] }),
          (error: unknown) => this.#say({ kind: 'refusal', call: message.call, failure: carried(error) }),
        );
        break;
      case 'grown':
        state.tools.grown?.(message.sound);
        break;
      case 'progress':
        state.tools.progress(message.done, message.total, message.step);
        break;
      case 'spent':
        state.tools.record.spent(message.stretches);
        break;
      case 'measured':
        state.tools.record.measured(message.measures);
        break;
      case 'done':
        state.settle({ result: message.result });
        break;
      case 'failed':
        state.settle({ error: uncarried(message.failure) });
    }
  }

  /**
   * An engine call for the task: repeated where the failure may pass (a full queue, a lane that
   * crashed), and within the task's deadline.
   */
  async #infer(call: number, inputs: readonly Tensor[], { tools, model }: State & { kind: 'working' }): Promise<void> {
    const { registry, config, signal, deadlineAt, record } = tools;
    try {
      const answer = await record.engineCall(inputs, (followed) =>
        retry(
          () =>
            registry.find(model).infer({
              inputs,
              priority: 0,
              boundsItself: true,
              deadlineAt,
              signal,
              ...followed,
            }),
          {
            attemptsMax: config.retryAttemptsMax,
            waitMsFirst: config.retryWaitMsFirst,
            worthIt: (error) =>
              error instanceof ServiceError && error.retryable && error.code !== 'deadline_exceeded' && !signal.aborted,
            signal,
          },
        ),
      );
      const outputs = answer.outputs.map(alone);
      this.#say({ kind: 'answer', call, outputs }, buffersUnder(outputs.map(({ data }) => data)));
      answer.owned?.release();
      Owned.of(inputs).release();
    } catch (error) {
      this.#say({ kind: 'refusal', call, failure: carried(error) });
    }
  }

  #say(message: ToThread, transfer: ArrayBuffer[] = []): void {
    if (this.isOpen) this.#thread.send(message, transfer);
  }

  #lost(error: Error): void {
    const state = this.#state;
    this.#state = { kind: 'ended' };
    if (state.kind === 'working') state.settle({ error });
  }
}

/**
 * Answers may be views into a buffer that a whole batch shares; these are copied before a transfer.
 */
function alone(tensor: Tensor): Tensor {
  const { data } = tensor;
  return ArrayBuffer.isView(data) && data.byteLength !== data.buffer.byteLength
    ? { ...tensor, data: data.slice() }
    : tensor;
}
