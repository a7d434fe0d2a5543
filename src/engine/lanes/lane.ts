import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { FromLane, LaneRun, RunEnd, SessionReport, SessionRequest } from './lane-messages.ts';
import { type LanePort, openProcessPort, openThreadPort } from './lane-port.ts';

/** How the runs of one message ended, in their order, or how the lane was lost. */
export type RunResult =
  | { readonly kind: 'done'; readonly ends: readonly RunEnd[] }
  | { readonly kind: 'ended'; readonly how: string };

type State =
  | {
      readonly kind: 'opening';
      opened(report: SessionReport): void;
      notOpened(reason: string): void;
      crashed(how: string): void;
    }
  | { readonly kind: 'idle' }
  | { readonly kind: 'running'; readonly id: number; done(result: RunResult): void }
  /** Left to itself in the middle of a run: what it still says is for nobody. */
  | { readonly kind: 'abandoned' }
  | { readonly kind: 'closing' }
  | { readonly kind: 'ended' };

export type LaneOptions = {
  readonly openMsMax: number;
  readonly onEnd: (lane: Lane, how: string) => void;
  readonly onAbandoned: (lane: Lane) => void;
  readonly onSaid?: (lane: Lane, line: string) => void;
};

/** A thread or process that holds one session and does what one message asks at a time. */
export class Lane {
  readonly kind: 'thread' | 'process';
  readonly ended: Promise<void>;
  readonly #port: LanePort;
  readonly #onEnd: (lane: Lane, how: string) => void;
  #state: State;
  #report: SessionReport | undefined;
  #runs = 0;
  #killedBecause: string | undefined;
  #logEnded: () => void = () => undefined;

  private constructor(
    kind: 'thread' | 'process',
    state: State,
    onEnd: (lane: Lane, how: string) => void,
    onSaid: (lane: Lane, line: string) => void,
  ) {
    this.kind = kind;
    this.#state = state;
    this.#onEnd = onEnd;
    this.ended = new Promise((resolve) => {
      this.#logEnded = resolve;
    });
    const listener = {
      received: (message: FromLane) => this.#received(message),
      ended: (how: string) => this.#hasEnded(how),
      said: (line: string) => onSaid(this, line),
    };
    this.#port = kind === 'thread' ? openThreadPort(listener) : openProcessPort(listener);
  }

  /**
   * Resolves when the session is open and warm; throws invalid_model, lane_crashed or
   * model_load_timeout when it cannot be. `onEnd` is called once, however the lane ends;
   * `onAbandoned` before, when it is a thread that is still opening when its time is over: it
   * cannot be ended. `onSaid` is called with each line that a process writes to stderr.
   */
  static async open(
    kind: 'thread' | 'process',
    request: SessionRequest,
    { openMsMax, onEnd, onAbandoned, onSaid = () => undefined }: LaneOptions,
  ): Promise<Lane> {
    const { promise, resolve, reject } = Promise.withResolvers<SessionReport>();
    const notOpened = (reason: string) =>
      reject(
        new ServiceError('invalid_model', say`Cannot open ${ours(request.file)}: ${reason}; check the ONNX file.`),
      );
    const crashed = (how: string) =>
      reject(
        new ServiceError(
          'lane_crashed',
          say`Cannot open ${ours(request.file)}: the lane was lost (${ours(how)}); check the memory and the ONNX file.`,
        ),
      );
    const lane = new Lane(kind, { kind: 'opening', opened: resolve, notOpened, crashed }, onEnd, onSaid);
    lane.#port.send({ kind: 'open', request }, []);
    let isOverdue = false;
    const overtime = setTimeout(() => {
      isOverdue = true;
      reject(notInTime(request.file, openMsMax));
    }, openMsMax);
    try {
      lane.#report = await promise;
    } catch (error) {
      if (isOverdue) {
        if (kind === 'thread') onAbandoned(lane);
        lane.giveUp();
        if (kind === 'process') await lane.ended;
      } else await lane.close();
      throw error;
    } finally {
      clearTimeout(overtime);
    }
    lane.#state = { kind: 'idle' };
    return lane;
  }

  get name(): string {
    return this.#port.name;
  }

  get report(): SessionReport {
    if (!this.#report) throw new Error('A lane has no report before it is open');
    return this.#report;
  }

  get isIdle(): boolean {
    return this.#state.kind === 'idle';
  }

  /**
   * Runs one after the other; `done` is called once, unless the lane is given up first. The lane
   * must be idle.
   */
  run(runs: readonly LaneRun[], transfer: readonly ArrayBuffer[], done: (result: RunResult) => void): void {
    if (this.#state.kind !== 'idle') throw new Error(`Lane ${this.name} is ${this.#state.kind}, not idle`);
    this.#runs += 1;
    // First, since it throws when the inputs cannot be sent: the lane is idle then as before.
    this.#port.send({ kind: 'run', id: this.#runs, runs }, transfer);
    this.#state = { kind: 'running', id: this.#runs, done };
  }

  /**
   * For a run, or an opening, that does not end: a process is killed, a thread left to finish and
   * then end by itself.
   */
  giveUp(): void {
    this.#state = { kind: 'abandoned' };
    if (this.#port.kill) this.#port.kill();
    else this.#port.send({ kind: 'close' }, []);
  }

  /** Ends a process in the middle of its run, which fails because of what `why` says. */
  kill(why: string): void {
    this.#killedBecause = why;
    this.#port.kill?.();
  }

  /** Lets the session go and ends the lane; it must not be running. */
  async close(): Promise<void> {
    if (this.#state.kind !== 'ended') {
      this.#state = { kind: 'closing' };
      this.#port.send({ kind: 'close' }, []);
    }
    await this.ended;
  }

  #received(message: FromLane): void {
    const state = this.#state;
    switch (state.kind) {
      case 'opening':
        if (message.kind === 'opened') state.opened(message.report);
        else if (message.kind === 'not_opened') state.notOpened(message.reason);
        return;
      case 'running':
        if (message.kind !== 'ran') return;
        this.#state = { kind: 'idle' };
        state.done({ kind: 'done', ends: message.ends });
        return;
      case 'idle':
      case 'abandoned':
      case 'closing':
      case 'ended':
    }
  }

  #hasEnded(ended: string): void {
    const state = this.#state;
    const how = this.#killedBecause ?? ended;
    this.#state = { kind: 'ended' };
    this.#logEnded();
    this.#onEnd(this, how);
    if (state.kind === 'opening') state.crashed(how);
    if (state.kind === 'running') state.done({ kind: 'ended', how });
  }
}

function notInTime(file: string, openMsMax: number): ServiceError {
  return new ServiceError(
    'model_load_timeout',
    say`Cannot open ${ours(file)}: it was not ready after ${openMsMax} ms; make the model or its warm-up smaller, or raise VITRINE_MODEL_LOAD_MS_MAX.`,
  );
}
