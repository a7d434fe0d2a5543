import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLines, openConsoleLog } from '../cli/console-log.ts';
import { pauseUnless } from '../src/resilience/pause-unless.ts';
import { askPort, type Way } from './ask-port.ts';
import { patiently } from './patiently.ts';
import { identify, isRunning, type ProcessIdentity, sendSignal } from './process-identity.ts';
import { StackFailure } from './stack-failure.ts';

export type Launch = { program: string; parameters: string[]; env: NodeJS.ProcessEnv; folder: string };

export type ProcessState =
  | { kind: 'stopped' }
  | { kind: 'starting'; identity: ProcessIdentity; sinceMs: number }
  | { kind: 'healthy'; identity: ProcessIdentity; sinceMs: number }
  | { kind: 'stopping'; identity: ProcessIdentity }
  | { kind: 'ended'; how: string; lastLines: string[] }
  | { kind: 'restarting'; how: string; lastLines: string[]; waitMs: number };

export type ComponentProcessOptions = {
  title: string;
  logPath: string;
  /** Made for every start, so that changed settings take effect. */
  launch: () => Promise<Launch>;
  /** Asked until it answers. */
  health: () => Way;
  healthDeadlineMs: number;
  liveness?: () => Way;
  livenessEveryMs?: number;
  /** TERM first; KILL when it has not ended by then. */
  stopMsMax: number;
  autoRestart: boolean;
  onChange: (state: ProcessState) => void;
};

const backoffMsMin = 500;
const backoffMsMax = 30_000;
/** A process that was healthy for this long has earned a quick restart again. */
const wellAfterMs = 60_000;
const livenessEveryMsDefault = 5_000;
/** Half a minute of silence; a busy machine is not a dead service. */
const livenessMissesMax = 6;

/**
 * One program of the stack: started, watched until it is healthy, started again when it dies, and
 * stopped.
 */
export class ComponentProcess {
  readonly #options: ComponentProcessOptions;
  #state: ProcessState = { kind: 'stopped' };
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restarts = 0;
  #restartsAsked = 0;
  #failuresInARow = 0;
  #wanted = new AbortController();
  #watch: Promise<void> = Promise.resolve();
  #spawning: Promise<void> = Promise.resolve();

  constructor(options: ComponentProcessOptions) {
    this.#options = options;
    this.#wanted.abort();
  }

  get state(): ProcessState {
    return this.#state;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Of these, those that somebody asked for. */
  get restartsAsked(): number {
    return this.#restartsAsked;
  }

  get identity(): ProcessIdentity | undefined {
    return 'identity' in this.#state ? this.#state.identity : undefined;
  }

  /** Starts the program; it is not yet healthy when this returns. */
  async start(): Promise<void> {
    if (this.#child !== undefined) throw new Error(`${this.#options.title} runs already`);
    this.#wanted.abort();
    this.#wanted = new AbortController();
    this.#failuresInARow = 0;
    // What an earlier start still watches must not touch this one. A stop from here on finds this
    // start, and waits for it.
    this.#spawning = this.#watch.then(() => patiently(() => this.#spawn()));
    await this.#spawning;
  }

  /** Waits until it answers as healthy; ends with its last lines when it does not, in time. */
  async untilHealthy(signal?: AbortSignal): Promise<void> {
    const { title, healthDeadlineMs, health, logPath, autoRestart } = this.#options;
    const endsAt = performance.now() + healthDeadlineMs;
    while (performance.now() < endsAt) {
      signal?.throwIfAborted();
      if (this.#state.kind === 'healthy') return;
      if (this.#state.kind === 'ended' && !autoRestart) {
        throw new StackFailure(
          `Cannot start ${title}: it ${this.#state.how}; its last lines say why:\n${this.#state.lastLines.join('\n')}`,
        );
      }
      if (this.#state.kind === 'stopped')
        throw new StackFailure(`Cannot wait for ${title}: it was stopped; start it again.`);
      await pause(50);
    }
    const lines = await lastLines(logPath, 20);
    throw new StackFailure(
      `Cannot start ${title}: ${health().url} did not answer well within ${healthDeadlineMs / 1000} s; its last lines may say why:\n${lines.join('\n')}`,
    );
  }

  /** TERM, and KILL when the deadline passes. Nothing is restarted after it. */
  async stop(): Promise<void> {
    this.#wanted.abort();
    await Promise.allSettled([this.#spawning]); // One that is just being started must be known before it can be ended.
    const { identity } = this;
    if (this.#child !== undefined && identity !== undefined) {
      this.#become({ kind: 'stopping', identity });
      sendSignal(identity.pid, 'SIGTERM');
      const late = new AbortController();
      const killer = pause(this.#options.stopMsMax, undefined, { signal: late.signal }).then(
        () => sendSignal(-identity.pid, 'SIGKILL'),
        () => false, // It ended in time.
      );
      await this.#ended;
      late.abort();
      await killer;
    }
    await this.#watch;
    this.#become({ kind: 'stopped' });
  }

  /** Stops it and starts it again, because somebody asked for it. */
  async restart(): Promise<void> {
    await this.stop();
    this.#restarts += 1;
    this.#restartsAsked += 1;
    await this.start();
  }

  /**
   * Sends a signal as fate would: a death by it is a death like any other. Waits for it to end if the
   * signal ends it for sure.
   */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (this.identity === undefined) throw new Error(`${this.#options.title} does not run`);
    const ended = this.#ended;
    sendSignal(this.identity.pid, signal);
    if (signal === 'SIGKILL') await ended;
  }

  async #spawn(): Promise<void> {
    const { title, launch, logPath } = this.#options;
    const { program, parameters, env, folder } = await launch();
    if (this.#wanted.signal.aborted) return;
    const log = openConsoleLog(logPath);
    try {
      // A group of its own: Ctrl-C at the terminal reaches the launcher alone, which stops everything in
      // order.
      const child = spawn(program, parameters, {
        cwd: folder,
        env,
        detached: true,
        stdio: ['ignore', log.descriptor, log.descriptor],
      });
      this.#child = child;
      this.#ended = new Promise((done) => {
        child.once('error', (error) => this.#onEnd(child, `could not be started (${error.message})`).then(done, done));
        child.once('exit', (code, signal) =>
          this.#onEnd(child, signal === null ? `ended with code ${code}` : `was ended by ${signal}`).then(done, done),
        );
      });
      const identity = child.pid === undefined ? undefined : await this.#identityOf(child, child.pid);
      if (identity === undefined) return; // It ended at once; its end is reported like any other.
      if (this.#child !== child) return;
      this.#become({ kind: 'starting', identity, sinceMs: Date.now() });
      this.#watch = this.#watchHealth(identity, this.#wanted.signal);
    } catch (error) {
      throw new StackFailure(`Cannot start ${title}: ${(error as Error).message}; see that ${program} can be run.`, {
        cause: error,
      });
    } finally {
      log.close();
    }
  }

  /**
   * Nobody could stop or watch a process that is not known by its start time: it is ended, and
   * started again as one that died.
   */
  async #identityOf(child: ChildProcess, pid: number): Promise<ProcessIdentity | undefined> {
    try {
      return await patiently(() => identify(pid));
    } catch {
      child.kill('SIGKILL');
      return undefined;
    }
  }

  async #onEnd(child: ChildProcess, how: string): Promise<void> {
    if (this.#child !== child) return;
    this.#child = undefined;
    if (this.#wanted.signal.aborted) return this.#become({ kind: 'stopped' });
    const wellFor = this.#state.kind === 'healthy' ? Date.now() - this.#state.sinceMs : 0;
    const lines = await lastLines(this.#options.logPath, 10).catch((error: Error) => [
      `its last lines cannot be read: ${error.message}`,
    ]);
    if (!this.#options.autoRestart) return this.#become({ kind: 'ended', how, lastLines: lines });

    this.#failuresInARow = wellFor >= wellAfterMs ? 0 : this.#failuresInARow + 1;
    this.#startAgain(how, lines);
  }

  #startAgain(how: string, lines: string[]): void {
    const waitMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.max(0, this.#failuresInARow - 1));
    this.#become({ kind: 'restarting', how, lastLines: lines, waitMs });
    this.#watch = this.#restartAfter(waitMs, this.#wanted.signal);
  }

  async #restartAfter(waitMs: number, signal: AbortSignal): Promise<void> {
    await pauseUnless(signal, waitMs);
    if (signal.aborted) return;
    this.#restarts += 1;
    try {
      this.#spawning = this.#spawn();
      await this.#spawning;
    } catch (error) {
      // What hindered it (a full disk, no descriptors) may pass.
      if (signal.aborted) return;
      this.#failuresInARow += 1;
      this.#startAgain('could not be started again', [(error as Error).message]);
    }
  }

  /**
   * Until it is healthy, often; afterwards, where it has a liveness page, now and then: one that
   * stays silent is killed.
   */
  async #watchHealth(identity: ProcessIdentity, signal: AbortSignal): Promise<void> {
    const { health, liveness, livenessEveryMs = livenessEveryMsDefault } = this.#options;
    const runs = () => !signal.aborted && this.identity === identity;
    while (runs() && this.#state.kind === 'starting') {
      if ((await answersWell(health())) && runs()) this.#become({ kind: 'healthy', identity, sinceMs: Date.now() });
      else await pauseUnless(signal, 100);
    }
    let misses = 0;
    while (liveness !== undefined && runs()) {
      await pauseUnless(signal, livenessEveryMs);
      if (!runs()) return;
      misses = (await answersWell(liveness())) ? 0 : misses + 1;
      if (misses >= livenessMissesMax && runs() && (await isRunning(identity).catch(() => false)))
        sendSignal(-identity.pid, 'SIGKILL');
    }
  }

  #become(state: ProcessState): void {
    if (state.kind === 'stopped' && this.#state.kind === 'stopped') return;
    this.#state = state;
    this.#options.onChange(state);
  }
}

/** Whether a health page answers with 2xx within two seconds. */
export async function answersWell(way: Way): Promise<boolean> {
  try {
    return (await askPort(way, '', { timeoutMs: 2_000 })).ok;
  } catch {
    return false; // Not listening, too slow or talking nonsense: whatever the cause, it is not healthy.
  }
}
