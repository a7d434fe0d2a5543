import { fork } from 'node:child_process';
import type { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import type { FromLane, ToLane } from './lane-messages.ts';

/** The way to a lane: a thread or a process behind the same few words. */
export type LanePort = {
  /** `thread-3`, `process-4711`: the thread's id or the process's. */
  readonly name: string;
  send(message: ToLane, transfer: readonly ArrayBuffer[]): void;
  /** Ends a process at once, whatever it is doing. Not for a thread: ending one inside a run aborts the whole process. */
  readonly kill?: () => void;
};

export type LaneListener = {
  received(message: FromLane): void;
  /** A line that the process, or native code in it, wrote for people. Threads share the service's own stderr. */
  said(line: string): void;
  /** The lane is gone, asked for or not; `how` says how in words. */
  ended(how: string): void;
};

const program = new URL('./lane-program.ts', import.meta.url);

let threadsMade = 0;

/** A worker thread: 0.1 ms there and back, buffers change hands without a copy. */
export function openThreadPort(listener: LaneListener): LanePort {
  switchOffVendorTelemetry();
  threadsMade += 1;
  // The name is the system's too, for it and for the threads that ONNX Runtime starts from it: lane-cpu.ts finds them by it.
  const worker = new Worker(program, { execArgv: [], stdin: false, name: `lane-${threadsMade}` });
  let lastError: Error | undefined;
  worker.on('message', (message: FromLane) => listener.received(message));
  worker.on('error', (error) => {
    lastError = error instanceof Error ? error : new Error(String(error));
  });
  worker.on('exit', (code) =>
    listener.ended(lastError ? `it threw ${lastError.message}` : `it ended with code ${code}`),
  );
  return { name: `thread-${worker.threadId}`, send: (message, transfer) => worker.postMessage(message, transfer) };
}

/** A child process: 0.7 ms there and back, everything copied; it can be killed, and its crash is its own. */
export function openProcessPort(listener: LaneListener): LanePort {
  switchOffVendorTelemetry();
  const child = fork(program, [String(process.pid)], {
    serialization: 'advanced',
    execArgv: [],
    env: environmentOfLane(),
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  });
  let ended = false;
  const end = (how: string) => {
    if (!ended) listener.ended(how);
    ended = true;
  };
  readLines(child.stderr, (line) => listener.said(line));
  child.on('message', (message) => listener.received(message as FromLane));
  child.on('error', (error) => end(`it could not be started or spoken to: ${error.message}`));
  child.on('exit', (code, signal) => end(signal ? `it ended by ${signal}` : `it ended with code ${code}`));
  return {
    name: `process-${child.pid}`,
    // A child that is gone is told of by `exit`; a message that could not be sent has nothing to add.
    send: (message) => void child.send(message, () => undefined),
    kill: () => void child.kill('SIGKILL'),
  };
}

/** Whole lines as they come; one that does not end is cut. */
function readLines(stream: Readable | null, say: (line: string) => void): void {
  let begun = '';
  stream?.setEncoding('utf8').on('data', (text: string) => {
    const lines = `${begun}${text}`.split('\n');
    begun = (lines.pop() ?? '').slice(0, lineCharsMax);
    for (const line of lines) if (line.trim() !== '') say(line.slice(0, lineCharsMax));
  });
  stream?.on('end', () => {
    if (begun.trim() !== '') say(begun);
  });
}

const lineCharsMax = 4096;

/** ONNX Runtime 1.30 carries an uploader. Native code reads the process's own environment, which a worker thread's copy is not. */
function switchOffVendorTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/** What libraries and drivers go by, and nothing else: a model that is not trusted has no use for tokens and keys. */
function environmentOfLane(): NodeJS.ProcessEnv {
  const names = /^(PATH|HOME|TMPDIR|TEMP|TZ|LANG|LC_.*|LD_.*|VK_.*|CUDA.*|NVIDIA.*|ORT_.*|OMP_.*|SystemRoot)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)));
}
