import { Worker, type WorkerOptions } from 'node:worker_threads';
import type { Port, PortListener } from './port.ts';

export type Thread<Sent> = Port<Sent> & { readonly worker: Worker };

/** A worker thread: 0.1 ms there and back, and buffers change hands without a copy. */
export function openThread<Sent, Received>(
  program: URL,
  options: WorkerOptions,
  listener: PortListener<Received>,
): Thread<Sent> {
  const worker = new Worker(program, { execArgv: [], stdin: false, ...options });
  let cause: Error | undefined;
  worker.on('message', (message: Received) => listener.received(message));
  worker.on('error', (error) => {
    cause = error instanceof Error ? error : new Error(String(error));
  });
  worker.on('exit', (code) =>
    listener.ended(cause ? `it threw ${cause.message}` : `it ended with code ${code}`, cause),
  );
  return {
    name: `thread-${worker.threadId}`,
    worker,
    send: (message, transfer) => worker.postMessage(message, transfer),
  };
}

/** Whether V8 ended the thread because its objects took more than `resourceLimits` allows. */
export function isOutOfMemory(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY';
}
