import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning, signalProcess } from '../../launcher/process-identity.ts';
import { endLeftovers, readState } from '../../launcher/stack-state.ts';
import { readConfig } from '../../src/config.ts';

/**
 * The longest a stop in order may take; after it the launcher is killed, and what it leaves is
 * ended here.
 */
const deadlineMs = 150_000;

/** Stops the stack of this data folder, also one whose launcher was killed. */
export async function down(): Promise<number> {
  const data = resolve(import.meta.dirname, '../..', readConfig().data);
  const state = readState(data);
  const launcherRuns = state !== undefined && (await isRunning(state.launcher));
  if (launcherRuns) {
    await signalProcess(state.launcher, 'SIGTERM');
    const endsAt = performance.now() + deadlineMs;
    while (await isRunning(state.launcher)) {
      if (performance.now() > endsAt) await signalProcess(state.launcher, 'SIGKILL');
      await pause(100);
    }
  }
  const ended = await endLeftovers(data);
  if (ended.length > 0) process.stdout.write(`Ended what was left running: ${ended.join(', ')}.\n`);
  else
    process.stdout.write(launcherRuns ? 'Everything has stopped.\n' : `Nothing runs with the data folder ${data}.\n`);
  return 0;
}
