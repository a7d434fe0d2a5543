import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { StackStatus } from '../../cli/commands/status.ts';
import { readState } from '../../launcher/stack-state.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const bootstrap = join(import.meta.dirname, '../../cli/vitrine.mjs');

/** Runs a `vitrine` command as a person would, to its end. */
export function vitrine(
  env: NodeJS.ProcessEnv,
  ...parameters: string[]
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [bootstrap, ...parameters], { env }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
    child.stdin?.end();
  });
}

export async function statusOf(env: NodeJS.ProcessEnv): Promise<StackStatus> {
  return JSON.parse((await vitrine(env, 'status', '--json')).stdout) as StackStatus;
}

/** A `vitrine` that stays in the foreground. */
export class ForegroundVitrine implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #env: NodeJS.ProcessEnv;
  readonly #exited: Promise<number | null>;
  #said = '';

  constructor(env: NodeJS.ProcessEnv, ...parameters: string[]) {
    this.#env = env;
    this.child = spawn(process.execPath, [bootstrap, ...parameters], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (text) => (this.#said += text));
    this.#exited = once(this.child, 'exit').then(([code]) => code as number | null);
  }

  /** What it printed so far. */
  get said(): string {
    return this.#said;
  }

  /** The process that starts and watches; vitrine.mjs itself only hands over to it. */
  get launcherPid(): number {
    return readState(this.#env.VITRINE_DATA ?? '')?.launcher.pid ?? -1;
  }

  async untilSaid(pattern: RegExp): Promise<RegExpExecArray> {
    return waitFor(
      `${pattern} from vitrine`,
      () => {
        const found = pattern.exec(this.#said);
        if (found === null && this.child.exitCode !== null) throw new Error(`it ended; it said:\n${this.#said}`);
        return found ?? undefined;
      },
      { deadlineMs: 120_000 },
    ).catch((error: Error) => {
      throw new Error(`${error.message}; it said:\n${this.#said}`, { cause: error });
    });
  }

  /** Sends a signal to vitrine.mjs and waits for its end. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.child.kill(signal);
    return this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end();
    await vitrine(this.#env, 'down'); // Also ends what a test left behind on purpose.
  }
}
