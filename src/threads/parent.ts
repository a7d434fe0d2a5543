import { isMainThread, parentPort } from 'node:worker_threads';

/** The other end of a port, for the program that runs in the thread or process: who opened it. */
export type Parent<Received, Sent> = {
  receive(act: (message: Received) => void): void;
  send(message: Sent, transfer?: readonly ArrayBuffer[]): void;
  /** Hears nothing more. With nothing else to do, the thread or process ends by itself. */
  close(): void;
};

export function parent<Received, Sent>(): Parent<Received, Sent> {
  return isMainThread ? parentProcess() : parentThread();
}

function parentThread<Received, Sent>(): Parent<Received, Sent> {
  const port = parentPort!;
  return {
    receive: (act) => void port.on('message', act),
    send: (message, transfer) => port.postMessage(message, transfer),
    close: () => port.close(),
  };
}

function parentProcess<Received, Sent>(): Parent<Received, Sent> {
  return {
    receive: (act) => void process.on('message', (message) => act(message as Received)),
    send: (message) => void (process.connected && process.send?.(message)),
    close: () => process.disconnect(),
  };
}
