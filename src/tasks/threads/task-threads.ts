import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import type { Meter } from '../../telemetry/meter.ts';
import type { TaskRecord, TaskTools } from '../task-tools.ts';
import type { TaskResult } from '../task-types.ts';
import { taskGone, taskTooLate } from './task-ended.ts';
import { TaskThread, type TaskThreadConfig } from './task-thread.ts';
import type { TaskOrder } from './thread-messages.ts';

export type TaskThreadsConfig = Pick<Config, 'tasksRunningMax' | 'tasksWaitingMax'> & TaskThreadConfig;

type Turn = { begin(): void; readonly kind: string };

/**
 * The threads that work on tasks: opened when first needed, and kept for the next task. Tasks
 * beyond their number wait in the order of arrival. Beyond what may wait, tasks are refused with
 * Retry-After.
 */
export class TaskThreads implements AsyncDisposable {
  readonly #limits: TaskThreadsConfig;
  readonly #idle: TaskThread[] = [];
  readonly #waiting: Turn[] = [];
  #running = 0;

  constructor(limits: TaskThreadsConfig, meter: Meter) {
    this.#limits = limits;
    meter.gauge('activeSessions', (observe) => observe(this.#running));
  }

  /** Tasks being worked on, and those that wait for a thread. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running, waiting: this.#waiting.length };
  }

  async run(order: TaskOrder, tools: TaskTools & { readonly record: TaskRecord }): Promise<TaskResult> {
    tools.record.waitsForThread();
    await this.#turn(order.request.kind, tools);
    const thread = this.#idle.pop() ?? new TaskThread(this.#limits);
    try {
      return await thread.run(order, tools);
    } finally {
      if (thread.isOpen) this.#idle.push(thread);
      const next = this.#waiting.shift();
      if (next) next.begin();
      else this.#running -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((thread) => thread.close()));
  }

  #turn(kind: string, { signal, deadlineAt }: TaskTools): Promise<void> | undefined {
    if (this.#running < this.#limits.tasksRunningMax) {
      this.#running += 1;
      return undefined;
    }
    if (this.#waiting.length >= this.#limits.tasksWaitingMax)
      throw new ServiceError(
        'busy',
        say`Cannot take the task: ${this.#running} are being worked on and ${this.#waiting.length} wait; come again, or raise VITRINE_TASKS_RUNNING_MAX or VITRINE_TASKS_WAITING_MAX.`,
        { retryAfterMs: 5000 },
      );
    return new Promise((resolve, reject) => {
      const leave = (error: ServiceError) => {
        stopWatching();
        this.#waiting.splice(this.#waiting.indexOf(turn), 1);
        reject(error);
      };
      const gone = () => leave(taskGone());
      const overtime = setTimeout(() => leave(taskTooLate()), Math.max(0, deadlineAt - performance.now()));
      const stopWatching = () => {
        clearTimeout(overtime);
        signal.removeEventListener('abort', gone);
      };
      const turn: Turn = {
        kind,
        begin: () => {
          stopWatching();
          resolve();
        },
      };
      this.#waiting.push(turn);
      signal.addEventListener('abort', gone);
      if (signal.aborted) gone();
    });
  }
}
