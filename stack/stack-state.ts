import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type ComponentName, componentNames } from './components.ts';
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';

export type ComponentRecord = {
  name: ComponentName;
  state: string;
  /** What is being done, or why it is as it is; for the person who asks. */
  detail: string;
  identity?: ProcessIdentity;
  sinceMs: number;
  restarts: number;
  port: number;
  healthUrl: string;
};

/** What one stack is, on disk: enough for another process to show it, and to end what a killed launcher left. */
export type StackState = {
  launcher: ProcessIdentity;
  startedAtMs: number;
  /** The start is over: every component is healthy, or has failed to become so in time. */
  settled: boolean;
  /** Environment name of each port setting, and the port, chosen ones included. */
  ports: Record<string, number>;
  components: ComponentRecord[];
};

export function statePath(data: string): string {
  return join(data, 'stack', 'state.json');
}

/** Written in one piece and at once: what was started a moment before a crash must be on record. */
export function writeState(data: string, state: StackState): void {
  const path = statePath(data);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.new`, JSON.stringify(state, null, 2));
  renameSync(`${path}.new`, path);
}

export function readState(data: string): StackState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(data), 'utf8')) as StackState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Ends what a launcher that was killed left running, in the order of a stop, and answers what that was. */
export async function endLeftovers(data: string, deadlineMs = 20_000): Promise<ComponentName[]> {
  const state = readState(data);
  if (state === undefined || (await isRunning(state.launcher))) return [];
  const order = (record: ComponentRecord) => componentNames.indexOf(record.name);
  const ended: ComponentName[] = [];
  for (const record of state.components.toSorted((a, b) => order(b) - order(a))) {
    if (record.identity === undefined || !(await isRunning(record.identity))) continue;
    await endProcess(record.identity, deadlineMs);
    ended.push(record.name);
  }
  writeState(data, { ...state, components: [] });
  return ended;
}

/** TERM, and KILL for its whole group when the deadline passes. */
export async function endProcess(identity: ProcessIdentity, deadlineMs: number): Promise<void> {
  await signalProcess(identity, 'SIGTERM');
  const endsAt = performance.now() + deadlineMs;
  while (await isRunning(identity)) {
    if (performance.now() > endsAt) await signalProcess(identity, 'SIGKILL', { group: true });
    await pause(50);
  }
}
