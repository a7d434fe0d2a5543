import { ServiceError } from '../errors.ts';
import { Sentence, say } from '../sentence.ts';
import type { Change, SharedState } from './changes.ts';
import type { ServiceProcess } from './service-process.ts';

type Limits = { readonly loadMsMax: number };

const settingMsMax = 10_000;

/**
 * Changes that all processes make or none: first each prepares, then each makes it. One change at a
 * time, and no process begins to take work during one.
 */
export class SharedChanges {
  readonly #processes: () => readonly ServiceProcess[];
  readonly #limits: Limits;
  #turn: Promise<unknown> = Promise.resolve();
  #changes = 0;

  constructor(processes: () => readonly ServiceProcess[], limits: Limits) {
    this.#processes = processes;
    this.#limits = limits;
  }

  change(change: Change): Promise<void> {
    return this.#inTurn(() => this.#change(change));
  }

  /** What the others are like. `fresh`: it begins with what is on disk. */
  state(asker: ServiceProcess): Promise<SharedState | undefined> {
    return this.#inTurn(async () => this.#stateFor(asker));
  }

  /** From now on the process takes part in changes, and takes work. */
  enter(asker: ServiceProcess): Promise<void> {
    return this.#inTurn(async () => {
      const state = await this.#stateFor(asker);
      if (state) await asker.ask('takeOver', state, this.#limits.loadMsMax);
      asker.enter();
    });
  }

  async #stateFor(asker: ServiceProcess): Promise<SharedState | undefined> {
    for (const other of this.#sharers())
      if (other !== asker) {
        const state = await other.ask('state', {}, settingMsMax).catch(() => undefined);
        // One that was restarted to read its folder again is not given the versions of the others.
        if (state) return asker.isFresh ? { ...state, models: undefined } : state;
      }
    return undefined;
  }

  async #change(change: Change): Promise<void> {
    this.#changes += 1;
    const of = { id: this.#changes };
    const limitMs = change.kind === 'model_load' ? this.#limits.loadMsMax : settingMsMax;
    const sharers = this.#sharers();
    const prepared = await Promise.allSettled(
      sharers.map((process) => process.ask('prepare', { ...of, change }, limitMs)),
    );
    // One that has ended meanwhile comes back with what the others have then.
    const failed = sharers.findIndex((process, at) => prepared[at]!.status === 'rejected' && process.takesPart);
    const able = sharers.filter((_, at) => prepared[at]!.status === 'fulfilled');
    if (failed < 0 && able.length > 0) {
      const made = await Promise.allSettled(able.map((process) => process.ask('make', of, limitMs)));
      // What was prepared cannot fail but by the end of the process, or by its being stuck.
      for (const [at, one] of made.entries())
        if (one.status === 'rejected' && able[at]!.takesPart) able[at]!.kill('SIGKILL');
      return;
    }
    await Promise.allSettled(able.map((process) => process.ask('leaveIt', of, limitMs)));
    const [reason] = prepared.flatMap((one, at) =>
      one.status === 'rejected' && (failed < 0 || at === failed) ? [one.reason] : [],
    );
    throw notMade(reason, sharers[Math.max(0, failed)]?.number, sharers.length);
  }

  #sharers(): ServiceProcess[] {
    return this.#processes().filter(({ takesPart }) => takesPart);
  }

  #inTurn<Done>(act: () => Promise<Done>): Promise<Done> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

function notMade(reason: unknown, number: number | undefined, count: number): unknown {
  if (number === undefined)
    return new ServiceError('not_ready', say`Cannot make the change: no process is ready; try again.`, {
      retryAfterMs: 1000,
    });
  if (!(reason instanceof ServiceError) || count === 1) return reason;
  const note = say` Process ${number} of the service could not, so none of them did.`;
  const { retryAfterMs } = reason;
  return new ServiceError(
    reason.code,
    new Sentence(`${reason.message}${note.text}`, `${reason.recorded}${note.safe}`),
    { cause: reason, ...(retryAfterMs !== undefined && { retryAfterMs }) },
  );
}
