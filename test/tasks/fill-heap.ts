import { Worker } from 'node:worker_threads';
import { heapLimits, TaskMemory } from '../../src/tasks/threads/task-memory.ts';
import { isOutOfMemory } from '../../src/threads/open-thread.ts';

// Run by task-heap.slow.test.ts in a process of its own: a thread fills V8's heap by the code that
// is given, as a task's would, and what ended it is printed.

const bytesMax = 128 * 2 ** 20;
const thread = new Worker(process.argv[2] as string, { eval: true, resourceLimits: heapLimits(bytesMax) });
const memory = new TaskMemory(thread, bytesMax);
const watch = memory.watch((error) => {
  clearInterval(watch);
  console.log(error.code);
  void thread.terminate();
});
thread.on('error', (error) => {
  clearInterval(watch);
  console.log(isOutOfMemory(error) ? 'exhausted' : error);
});
