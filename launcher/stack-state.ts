import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolderNow } from '../src/make-folder.ts';
import type { Trust } from '../src/tls/trust.ts';
import { type ComponentName, componentNames } from './components.ts';
import { patiently } from './patiently.ts';
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';
import { StackFailure } from './stack-failure.ts';
import type { StackTls } from './ways.ts';

export type ComponentRecord = {
  name: ComponentName;
  state: string;
  /** What is being done, or why it is as it is; for the person who asks. */
  detail: string;
  identity?: ProcessIdentity;
  sinceMs: number;
  restarts: number;
  /** Of these, those that somebody asked for. */
  restartsAsked: number;
  port: number;
  healthUrl: string;
  /** Where that is asked over TLS. */
  trust?: Trust | undefined;
};

/**
 * What one stack is, on disk: enough for another process to show it, and to end what a killed
 * launcher left.
 */
export type StackState = {
  launcher: ProcessIdentity;
  startedAtMs: number;
  /** The start is over: every component is healthy, or has failed to become so in time. */
  settled: boolean;
  /** Environment name of each port setting, and the port, chosen ones included. */
  ports: Record<string, number>;
  components: ComponentRecord[];
  /** How its ports are encrypted; a launcher of an older version does not write it. */
  tls?: StackTls;
};

export function statePath(data: string): string {
  return join(data, 'stack', 'state.json');
}

/** Written in one piece and at once: what was started a moment before a crash must be on record. */
export function writeState(data: string, state: StackState): void {
  const path = statePath(data);
  makeFolderNow(dirname(path));
  const file = openSync(`${path}.new`, 'w');
  try {
    writeFileSync(file, JSON.stringify(state, null, 2));
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
}

/**
 * The state on disk. What cannot be written now is logged, and the newest state is written as soon
 * as possible. A failing disk must not end the launcher, which supervises everything else.
 */
export class StateFile {
  readonly #data: string;
  readonly #onTrouble: (sentence: string) => void;
  #waiting: StackState | undefined;
  #again: NodeJS.Timeout | undefined;
  #troubled = false;

  constructor(data: string, onTrouble: (sentence: string) => void) {
    this.#data = data;
    this.#onTrouble = onTrouble;
  }

  write(state: StackState): void {
    this.#waiting = state;
    this.#tryToWrite();
  }

  /** The last attempts; the state for `down` and the next start is logged when they fail. */
  async close(): Promise<void> {
    clearTimeout(this.#again);
    const state = this.#waiting;
    if (state !== undefined)
      await patiently(() => writeState(this.#data, state)).catch((error: Error) => this.#log(error));
  }

  #tryToWrite(): void {
    clearTimeout(this.#again);
    if (this.#waiting === undefined) return;
    try {
      writeState(this.#data, this.#waiting);
      this.#waiting = undefined;
      this.#troubled = false;
    } catch (error) {
      this.#log(error as Error);
      this.#again = setTimeout(() => this.#tryToWrite(), writeAgainMs).unref();
    }
  }

  #log(error: Error): void {
    if (this.#troubled) return;
    this.#troubled = true;
    this.#onTrouble(
      `Cannot write ${statePath(this.#data)}: ${error.message}; \`vitrine status\` is out of date until it can be; free the disk of VITRINE_DATA.`,
    );
  }
}

const writeAgainMs = 500;

export function readState(data: string): StackState | undefined {
  try {
    return JSON.parse(readFileSync(statePath(data), 'utf8')) as StackState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    if (!(error instanceof SyntaxError)) throw error;
    throw new StackFailure(
      `Cannot read what runs: ${statePath(data)} is damaged; see that nothing of it runs any more, remove the file, and start again.`,
      { cause: error },
    );
  }
}

/**
 * Ends what a launcher that was killed left running, in the order of a stop, and answers what that
 * was.
 */
export async function endLeftovers(data: string, deadlineMs = 20_000): Promise<ComponentName[]> {
  const state = await patiently(() => readState(data));
  if (state === undefined || (await isRunning(state.launcher))) return [];
  const order = (record: ComponentRecord) => componentNames.indexOf(record.name);
  const ended: ComponentName[] = [];
  for (const record of state.components.toSorted((a, b) => order(b) - order(a))) {
    if (record.identity === undefined || !(await isRunning(record.identity))) continue;
    await endProcess(record.identity, deadlineMs);
    ended.push(record.name);
  }
  await patiently(() => writeState(data, { ...state, components: [] }));
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
