import { parentPort } from 'node:worker_threads';
import type { Config } from '../../config.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { say as sentence } from '../../sentence.ts';
import type { TaskHands } from '../task-work.ts';
import { workOf } from '../task-works.ts';
import { buffersOf, carried, type FromThread, type TaskOrder, type ToThread, uncarried } from './thread-messages.ts';

// What runs inside a task's thread: one task at a time, with everything that is heavy (decoding, maths, files). What needs the engine is asked of
// the main thread, which owns it.

const port = parentPort;
if (!port) throw new Error('This program is for a worker thread.');

let calls = 0;
const waiting = new Map<number, { resolve(outputs: readonly Tensor[]): void; reject(error: Error): void }>();
let abort = new AbortController();

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'work':
      void work(message.order, message.config, message.folder);
      break;
    case 'answer':
      waiting.get(message.call)?.resolve(message.outputs);
      waiting.delete(message.call);
      break;
    case 'refusal':
      waiting.get(message.call)?.reject(uncarried(message.failure));
      waiting.delete(message.call);
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

async function work(order: TaskOrder, config: Config, folder: string): Promise<void> {
  abort = new AbortController();
  try {
    const result = await workOf(order.request, handsFor(order, config, folder, abort.signal));
    say({ kind: 'done', result });
  } catch (error) {
    say({ kind: 'failed', failure: carried(error) });
  }
}

function handsFor(order: TaskOrder, config: Config, folder: string, signal: AbortSignal): TaskHands {
  const took = (name: string, startMs: number, tookMs: number) => say({ kind: 'step', name, startMs, tookMs });
  return {
    config,
    model: order.model,
    folder,
    signal,
    infer: (inputs) => {
      signal.throwIfAborted();
      const call = ++calls;
      return new Promise((resolve, reject) => {
        waiting.set(call, { resolve, reject });
        say({ kind: 'infer', call, inputs }, buffersOf(inputs));
      });
    },
    progress: (done, total, step) => {
      signal.throwIfAborted();
      say({ kind: 'progress', done, total, step });
    },
    measured: (measures) => say({ kind: 'measured', measures }),
    step: async (name, act) => {
      const startMs = performance.timeOrigin + performance.now();
      try {
        return await act();
      } finally {
        took(name, startMs, performance.timeOrigin + performance.now() - startMs);
      }
    },
    took,
  };
}

function say(message: FromThread, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer);
}
