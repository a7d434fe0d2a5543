import type { ResourceLimits, Worker } from 'node:worker_threads';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';

/**
 * V8's own limit of a thread is twice what a task may hold. Near it V8 collects garbage for seconds
 * in which nothing can be measured. One array or map that does not fit below it ends the whole
 * process.
 */
export function heapLimits(bytesMax: number): ResourceLimits {
  return { maxOldGenerationSizeMb: Math.ceil((2 * bytesMax) / 2 ** 20) };
}

/** A task that fills memory as fast as it can makes about half a gigabyte in this time. */
const lookEveryMs = 100;

/**
 * The memory of a task's thread, measured from outside while it works. V8 has one account for each
 * thread: objects, array buffers and WebAssembly (decoders), where `resourceLimits` count objects
 * only. V8 answers between two steps of the thread's code, so a busy loop is measured too.
 */
export class TaskMemory {
  readonly #worker: Worker;
  readonly #bytesMax: number;
  #isLooking = false;

  constructor(worker: Worker, bytesMax: number) {
    this.#worker = worker;
    this.#bytesMax = bytesMax;
  }

  /**
   * Calls `outgrown` once the thread holds more than it may; until the timer that it answers is
   * cleared.
   */
  watch(outgrown: (error: ServiceError) => void): NodeJS.Timeout {
    return setInterval(() => void this.#look(outgrown), lookEveryMs);
  }

  async #look(outgrown: (error: ServiceError) => void): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const held = await this.#held();
    this.#isLooking = false;
    if (held > this.#bytesMax) outgrown(taskTooLarge(this.#bytesMax));
  }

  /** 0 for a thread that has not begun or has ended: the account is closed then. */
  async #held(): Promise<number> {
    try {
      const { total_physical_size, external_memory, malloced_memory } = await this.#worker.getHeapStatistics();
      return total_physical_size + external_memory + malloced_memory;
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_NOT_RUNNING') return 0;
      throw error;
    }
  }
}

export function taskTooLarge(bytesMax: number): ServiceError {
  return new ServiceError(
    'task_too_large',
    say`Cannot finish the task: it needs more memory than the ${Math.round(bytesMax / 2 ** 20)} MiB that a task may hold; ask for less at once, or raise VITRINE_TASK_MEMORY_BYTES_MAX.`,
  );
}
