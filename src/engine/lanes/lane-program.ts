import { isMainThread, Worker } from 'node:worker_threads';
import { buffersUnder } from '../../threads/buffers-under.ts';
import { parent } from '../../threads/parent.ts';
import { Owned } from '../owned.ts';
import { LaneCpu } from './lane-cpu.ts';
import type { FromLane, LaneRun, RunEnd, ToLane } from './lane-messages.ts';
import { LaneSession, logWarnings, profileRun } from './lane-session.ts';

// What runs inside a lane, be it a thread or a process: one session, one run at a time. ONNX
// Runtime blocks this thread while it runs, which is why it is nobody else's.

const service = parent<ToLane, FromLane>();
let session: LaneSession | undefined;
let cpu: LaneCpu | undefined;

if (isMainThread) {
  logWarnings();
  process.on('disconnect', () => process.exit());
  // A run that never ends would hold the disconnect off for ever: a thread of its own ends the
  // process when its parent is gone.
  new Worker(new URL('./lane-orphan-guard.ts', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    execArgv: [],
    workerData: { parent: Number(process.argv[2]) },
  }).unref();
}
service.receive((message) => void obey(message));

async function obey(message: ToLane): Promise<void> {
  switch (message.kind) {
    case 'open':
      try {
        session = await LaneSession.open(message.request);
        const { intraOpThreads, interOpThreads } = message.request;
        cpu = new LaneCpu({ hasPool: intraOpThreads > 1 || interOpThreads > 1 });
        service.send({ kind: 'opened', report: session.report });
      } catch (error) {
        service.send({ kind: 'not_opened', reason: reasonOf(error) });
      }
      return;
    case 'run': {
      const ends: RunEnd[] = [];
      for (const run of message.runs) ends.push(await endOf(run));
      // Outputs are handed over, not copied: nothing here reads them again.
      const outputs = ends.flatMap((end) => (end.kind === 'ran' ? end.outputs : []));
      service.send({ kind: 'ran', id: message.id, ends }, buffersUnder(outputs.map(({ data }) => data)));
      return;
    }
    case 'profile':
      try {
        const { request, inputs, outputs, folder } = message;
        service.send({ kind: 'profiled', profile: await profileRun(request, inputs, outputs, folder) });
      } catch (error) {
        service.send({ kind: 'not_profiled', reason: reasonOf(error) });
      }
      return;
    case 'close':
      await session?.close();
      service.close();
  }
}

async function endOf({ inputs, outputs }: LaneRun): Promise<RunEnd> {
  try {
    if (!session) throw new Error('the lane has no session');
    const { outputs: answer, sessionMs } = await session.run(inputs, outputs);
    return { kind: 'ran', outputs: answer, sessionMs, cpuMs: cpu?.take() ?? 0 };
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error), cpuMs: cpu?.take() ?? 0 };
  } finally {
    // In a process they are views of what the channel read, which may hold the next message too.
    if (!isMainThread) Owned.of(inputs).release();
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
