import type { Config } from '../../config.ts';
import type { Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { Calls } from '../../threads/calls.ts';
import { carried, uncarried } from '../../threads/carried-error.ts';
import { parent } from '../../threads/parent.ts';
import type { TaskHands } from '../task-work.ts';
import { workOf } from '../task-works.ts';
import { TaskClock } from './task-clock.ts';
import type { FromThread, TaskOrder, ToThread } from './thread-messages.ts';

// What runs inside a task's thread: one task at a time, with everything that is heavy (decoding,
// maths, files). What needs the engine is asked of the main thread, which owns it.

const service = parent<ToThread, FromThread>();
const calls = new Calls();
let abort = new AbortController();

service.receive((message) => {
  switch (message.kind) {
    case 'work':
      void work(message);
      break;
    case 'answer':
      calls.answered(message.call, message.outputs);
      break;
    case 'refusal':
      calls.failed(message.call, uncarried(message.failure));
      break;
    case 'abort': {
      const reason = new ServiceError('caller_gone', say`Cannot go on with the task: nobody waits for it any more.`);
      abort.abort(reason);
      calls.failAll(reason);
    }
  }
});

async function work({ order, config, folder, zeroMs }: ToThread & { kind: 'work' }): Promise<void> {
  abort = new AbortController();
  const clock = new TaskClock((stretches) => service.send({ kind: 'spent', stretches }), zeroMs);
  try {
    const result = await workOf(order.request, handsFor(order, { config, folder, clock, signal: abort.signal }));
    clock.end();
    service.send({ kind: 'done', result });
  } catch (error) {
    clock.end();
    service.send({ kind: 'failed', failure: carried(error) });
  }
}

function handsFor(
  order: TaskOrder,
  of: { config: Config; folder: string; clock: TaskClock; signal: AbortSignal },
): TaskHands {
  const { config, folder, clock, signal } = of;
  return {
    config,
    model: order.model,
    folder,
    signal,
    infer: async (inputs) => {
      signal.throwIfAborted();
      const buffers = buffersUnder(inputs.map(({ data }) => data));
      const answer = calls.ask<readonly Tensor[]>((call) => service.send({ kind: 'infer', call, inputs }, buffers));
      clock.called();
      try {
        return await answer;
      } finally {
        clock.answered();
      }
    },
    reserve: async (bytes) => {
      signal.throwIfAborted();
      await calls.ask((call) => service.send({ kind: 'reserve', call, bytes }));
    },
    progress: (done, total, step) => {
      signal.throwIfAborted();
      service.send({ kind: 'progress', done, total, step });
    },
    grown: (sound) => service.send({ kind: 'grown', sound }),
    measured: (measures) => service.send({ kind: 'measured', measures }),
    step: (name, act) => clock.step(name, act),
    stepNow: (name, act) => clock.stepNow(name, act),
  };
}
