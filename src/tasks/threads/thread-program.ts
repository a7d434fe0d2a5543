import { parentPort } from 'node:worker_threads';
import type { Config } from '../../config.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { say as sentence } from '../../sentence.ts';
import type { TaskHands } from '../task-work.ts';
import { workOf } from '../task-works.ts';
import { TaskClock } from './task-clock.ts';
import { buffersOf, carried, type FromThread, type TaskOrder, type ToThread, uncarried } from './thread-messages.ts';

// What runs inside a task's thread: one task at a time, with everything that is heavy (decoding,
// maths, files). What needs the engine is asked of the main thread, which owns it.

const port = parentPort;
if (!port) throw new Error('This program is for a worker thread.');

let calls = 0;
type Asked = {
  of: 'engine' | 'room';
  resolve(outputs: readonly Tensor[]): void;
  reject(error: Error): void;
};
const waiting = new Map<number, Asked>();
let abort = new AbortController();
let clock: TaskClock | undefined;

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'work':
      void work(message);
      break;
    case 'answer':
      settle(message.call)?.resolve(message.outputs);
      break;
    case 'refusal':
      settle(message.call)?.reject(uncarried(message.failure));
      break;
    case 'abort': {
      const reason = new ServiceError(
        'caller_gone',
        sentence`Cannot go on with the task: nobody waits for it any more.`,
      );
      abort.abort(reason);
      for (const { reject } of waiting.values()) reject(reason);
      waiting.clear();
    }
  }
});

/** A call that is answered; undefined where the task that made it is over. */
function settle(call: number) {
  const asked = waiting.get(call);
  if (!asked) return undefined;
  waiting.delete(call);
  if (asked.of === 'engine') clock?.answered();
  return asked;
}

async function work({ order, config, folder, zeroMs }: ToThread & { kind: 'work' }): Promise<void> {
  abort = new AbortController();
  clock = new TaskClock((stretches) => say({ kind: 'spent', stretches }), zeroMs);
  try {
    const result = await workOf(order.request, handsFor(order, config, folder, abort.signal));
    clock.end();
    say({ kind: 'done', result });
  } catch (error) {
    clock.end();
    say({ kind: 'failed', failure: carried(error) });
  }
}

function handsFor(order: TaskOrder, config: Config, folder: string, signal: AbortSignal): TaskHands {
  return {
    config,
    model: order.model,
    folder,
    signal,
    infer: (inputs) => {
      signal.throwIfAborted();
      const call = ++calls;
      return new Promise((resolve, reject) => {
        waiting.set(call, { of: 'engine', resolve, reject });
        say({ kind: 'infer', call, inputs }, buffersOf(inputs));
        clock?.called();
      });
    },
    reserve: async (bytes) => {
      signal.throwIfAborted();
      const call = ++calls;
      await new Promise((resolve, reject) => {
        waiting.set(call, { of: 'room', resolve, reject });
        say({ kind: 'reserve', call, bytes });
      });
    },
    progress: (done, total, step) => {
      signal.throwIfAborted();
      say({ kind: 'progress', done, total, step });
    },
    measured: (measures) => say({ kind: 'measured', measures }),
    step: async (name, act) => (clock ? clock.step(name, act) : act()),
    stepNow: (name, act) => (clock ? clock.stepNow(name, act) : act()),
  };
}

function say(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}
