import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tensor } from '../tensor.ts';
import type { FromLane, SessionRequest } from './lane-messages.ts';
import { openProcessPort } from './lane-port.ts';
import type { OperatorProfile } from './operator-profile.ts';

/**
 * Runs the inputs through a session of their own with the profiler on, in a process of its own that
 * ends with it: a profile belongs to the whole life of a session, and costs every run in it. Killed
 * when it takes longer than it may. Throws why there is no profile.
 */
export async function runProfileTwin(of: {
  session: SessionRequest;
  inputs: readonly Tensor[];
  outputs: readonly string[] | undefined;
  /** Where its file lies for a moment. */
  folder: string;
  msMax: number;
}): Promise<OperatorProfile> {
  const folder = await mkdtemp(join(of.folder, 'profile-'));
  const { promise, resolve, reject } = Promise.withResolvers<OperatorProfile>();
  const ended = Promise.withResolvers<void>();
  const port = openProcessPort({
    received: (message: FromLane) => {
      if (message.kind === 'profiled') resolve(message.profile);
      else if (message.kind === 'not_profiled') reject(new Error(message.reason));
    },
    // The lane that serves this model has said it already.
    said: () => undefined,
    ended: (how) => {
      ended.resolve();
      reject(new Error(how));
    },
  });
  const overtime = setTimeout(() => reject(new Error(`it took longer than ${of.msMax} ms`)), of.msMax);
  try {
    port.send({ kind: 'profile', request: of.session, inputs: of.inputs, outputs: of.outputs, folder }, []);
    return await promise;
  } finally {
    clearTimeout(overtime);
    port.kill?.();
    await ended.promise;
    await rm(folder, { recursive: true, force: true });
  }
}
