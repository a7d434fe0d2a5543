import type { Tensor } from '../tensor.ts';
import { Lane } from './lane.ts';
import type { RunEnd, SessionRequest } from './lane-messages.ts';

/**
 * Runs the inputs several times, one after the other, in a session and a process of their own,
 * which end with it: nothing waits before it, and nothing shares its run. Killed when it takes
 * longer than it may. Throws why there is no answer.
 */
export async function runAlone(of: {
  session: SessionRequest;
  inputs: readonly Tensor[];
  runs: number;
  msMax: number;
}): Promise<(RunEnd & { kind: 'ran' })[]> {
  const endsAt = performance.now() + of.msMax;
  const lane = await Lane.open('process', of.session, {
    openMsMax: of.msMax,
    onEnd: () => undefined,
    onAbandoned: () => undefined,
  });
  try {
    const ended: (RunEnd & { kind: 'ran' })[] = [];
    for (let run = 0; run < of.runs; run += 1) ended.push(await runOnce(lane, of.inputs, endsAt - performance.now()));
    return ended;
  } finally {
    lane.giveUp();
    await lane.ended;
  }
}

function runOnce(lane: Lane, inputs: readonly Tensor[], msMax: number): Promise<RunEnd & { kind: 'ran' }> {
  return new Promise((resolve, reject) => {
    const overtime = setTimeout(() => reject(new Error('it took longer than it may')), Math.max(0, msMax));
    lane.run([{ inputs, outputs: undefined }], [], (result) => {
      clearTimeout(overtime);
      const [end] = result.kind === 'done' ? result.ends : [];
      if (end?.kind === 'ran') resolve(end);
      else reject(new Error(result.kind === 'ended' ? result.how : (end?.reason ?? '')));
    });
  });
}
