import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { freeTensors } from './free-tensors.ts';
import { LaneCpu } from './lane-cpu.ts';
import type { FromLane, ToLane } from './lane-messages.ts';
import { LaneSession, profileRun, tellWarnings } from './lane-session.ts';

// What runs inside a lane, be it a thread or a process: one session, one run at a time. ONNX Runtime blocks this thread while it
// runs, which is why it is nobody else's.

const say = isMainThread ? sayToParentProcess : sayToParentThread;
let session: LaneSession | undefined;
let cpu: LaneCpu | undefined;

if (isMainThread) {
  tellWarnings();
  process.on('message', (message: ToLane) => void obey(message));
  process.on('disconnect', () => process.exit());
  // A run that never ends would hold the disconnect off for ever: a thread of its own ends the process when its parent is gone.
  new Worker(new URL('./lane-orphan-guard.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    execArgv: [],
    workerData: { parent: Number(process.argv[2]) },
  }).unref();
} else {
  parentPort?.on('message', (message: ToLane) => void obey(message));
}

async function obey(message: ToLane): Promise<void> {
  switch (message.kind) {
    case 'open':
      try {
        session = await LaneSession.open(message.request);
        const { intraOpThreads, interOpThreads } = message.request;
        cpu = new LaneCpu({ hasPool: intraOpThreads > 1 || interOpThreads > 1 });
        say({ kind: 'opened', report: session.report });
      } catch (error) {
        say({ kind: 'not_opened', reason: reasonOf(error) });
      }
      return;
    case 'run':
      try {
        if (!session) throw new Error('the lane has no session');
        const { outputs, sessionMs } = await session.run(message.inputs, message.outputs);
        say({ kind: 'ran', id: message.id, outputs, sessionMs, cpuMs: cpu?.take() ?? 0 }, outputs);
      } catch (error) {
        say({ kind: 'failed', id: message.id, reason: reasonOf(error), cpuMs: cpu?.take() ?? 0 });
      } finally {
        // In a process they are views of what the channel read, which may hold the next message too.
        if (!isMainThread) freeTensors(message.inputs);
      }
      return;
    case 'profile':
      try {
        const { request, inputs, outputs, folder } = message;
        say({ kind: 'profiled', profile: await profileRun(request, inputs, outputs, folder) });
      } catch (error) {
        say({ kind: 'not_profiled', reason: reasonOf(error) });
      }
      return;
    case 'close':
      await session?.close();
      if (isMainThread) process.disconnect();
      else parentPort?.close();
  }
}

function sayToParentProcess(message: FromLane): void {
  process.send?.(message);
}

/** Outputs are handed over, not copied: nobody here looks at them again. */
function sayToParentThread(message: FromLane, outputs: Extract<FromLane, { kind: 'ran' }>['outputs'] = []): void {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of outputs) {
    if (ArrayBuffer.isView(data) && data.buffer instanceof ArrayBuffer) buffers.add(data.buffer);
  }
  parentPort?.postMessage(message, [...buffers]);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
