import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Socket } from 'node:net';
import { openProcess } from '../../../threads/open-process.ts';
import type { ReaderMessage, ReaderOptions } from './reading.ts';

export type ReaderEnd = { is: 'silent' } | { is: 'ended'; detail: string };

const restartPeriodsMax = 64;
const detailCharactersMax = 300;

/**
 * Runs one process that reads the GPUs: restarted when it ends, ended when it says nothing for
 * `hangMsMax`. One at most: no second one starts while the driver still holds the first.
 */
export class ReaderProcess {
  readonly #options: ReaderOptions;
  readonly #hangMsMax: number;
  readonly #onMessage: (message: ReaderMessage) => void;
  readonly #onEnd: (end: ReaderEnd) => void;
  #child: ChildProcess | undefined;
  #heardAt = 0;
  #periodsToRestart = 1;
  #restart: NodeJS.Timeout | undefined;
  #watch: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    options: ReaderOptions & {
      hangMsMax: number;
      onMessage: (message: ReaderMessage) => void;
      onEnd: (end: ReaderEnd) => void;
    },
  ) {
    const { hangMsMax, onMessage, onEnd, ...forProgram } = options;
    this.#options = forProgram;
    // Between two readings there is nothing to say.
    this.#hangMsMax = hangMsMax + options.periodMs;
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
  }

  start(): void {
    this.#heardAt = performance.now();
    let silent = false;
    // Kept for the line about its end; among the service's own lines it would only disturb.
    let complaint = '';
    const { child } = openProcess<never, ReaderMessage>(
      new URL('./reader-program.ts', import.meta.url),
      { args: [JSON.stringify(this.#options)], stdout: 'ignore' },
      {
        received: (message) => {
          this.#heardAt = performance.now();
          if (message.says === 'reading') this.#periodsToRestart = 1;
          if (!this.#stopped) this.#onMessage(message);
        },
        said: (line) => {
          complaint = `${complaint} ${line}`.slice(-detailCharactersMax);
        },
        ended: (how) => {
          clearInterval(this.#watch);
          this.#child = undefined;
          // One that could not be spoken to may still be there.
          child.kill('SIGKILL');
          if (this.#stopped) return;
          if (!silent) this.#onEnd({ is: 'ended', detail: `${how}${complaint}` });
          this.#restart = setTimeout(() => this.start(), this.#periodsToRestart * this.#options.periodMs).unref();
          this.#periodsToRestart = Math.min(restartPeriodsMax, this.#periodsToRestart * 2);
        },
      },
    );
    this.#child = child;
    this.#watch = setInterval(() => {
      if (silent || performance.now() - this.#heardAt < this.#hangMsMax) return;
      silent = true;
      this.#onEnd({ is: 'silent' });
      child.kill('SIGKILL');
    }, this.#hangMsMax / 4).unref();
    // The service ends when its own work is done, whatever the driver does.
    child.unref();
    child.channel?.unref();
    if (child.stderr instanceof Socket) child.stderr.unref();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#restart);
    clearInterval(this.#watch);
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    // A process inside the driver may go only when the call returns: it is not waited for longer than
    // this.
    const exited = once(child, 'exit');
    child.ref();
    await Promise.race([exited, new Promise((resolve) => setTimeout(resolve, 500))]);
    child.unref();
  }
}
