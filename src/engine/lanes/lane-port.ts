import { openProcess } from '../../threads/open-process.ts';
import { openThread } from '../../threads/open-thread.ts';
import type { Port, PortListener } from '../../threads/port.ts';
import type { FromLane, ToLane } from './lane-messages.ts';

/** The way to a lane: a thread or a process. */
export type LanePort = Port<ToLane> & {
  /**
   * Ends a process at once, whatever it is doing. Not for a thread: ending one inside a run aborts
   * the whole process.
   */
  readonly kill?: () => void;
};

export type LaneListener = PortListener<FromLane>;

const program = new URL('./lane-program.ts', import.meta.url);

let threadsMade = 0;

export function openThreadPort(listener: LaneListener): LanePort {
  switchOffVendorTelemetry();
  threadsMade += 1;
  // The system shows the name, for it and for the threads that ONNX Runtime starts from it:
  // lane-cpu.ts finds them by it.
  return openThread(program, { name: `lane-${threadsMade}` }, listener);
}

export function openProcessPort(listener: LaneListener): LanePort {
  switchOffVendorTelemetry();
  const args = [String(process.pid)];
  const { child, ...port } = openProcess<ToLane, FromLane>(program, { args, env: environmentOfLane() }, listener);
  return { ...port, kill: () => void child.kill('SIGKILL') };
}

/**
 * ONNX Runtime 1.30 carries an uploader. Native code reads the process's own environment, which a
 * worker thread's copy is not.
 */
function switchOffVendorTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1';
}

/**
 * What libraries and drivers go by, and nothing else: a model that is not trusted has no use for
 * tokens and keys.
 */
function environmentOfLane(): NodeJS.ProcessEnv {
  const names = /^(PATH|HOME|TMPDIR|TEMP|TZ|LANG|LC_.*|LD_.*|VK_.*|CUDA.*|NVIDIA.*|ORT_.*|OMP_.*|SystemRoot)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => names.test(name)));
}
