import { type ChildProcess, fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import type { FirstActs, ProcessActs } from './changes.ts';
import { Dialogue } from './dialogue.ts';
import type {
  Beat,
  EntranceName,
  FromProcess,
  ProcessStanding,
  ProcessState,
  SeatFacts,
  ToProcess,
} from './messages.ts';
import type { Taker } from './shared-ports.ts';

/** The word behind which main.ts finds that it is one of several processes. */
export const seatWord = '--one-of-several';

/** Twice the time between two beats: it is busy, and others are asked first. */
const lateMs = 2_500;
const backOffMsMin = 250;
const backOffMsMax = 30_000;
/** One that was ready for this long has earned an immediate restart. */
const soundAfterMs = 60_000;

/** What becomes of a process, for who supervises it. */
export type ProcessListener = {
  changed(process: ServiceProcess): void;
  accepted(id: number): void;
  refused(id: number): void;
  /** What it may ask. */
  acts(process: ServiceProcess): FirstActs;
  /** It has ended: `how` in words. */
  ended(process: ServiceProcess, how: string, code: number | null): void;
};

/** One of the processes of the service, as the first process sees it; it may be started again. */
export class ServiceProcess implements Taker {
  readonly number: number;
  readonly #listener: ProcessListener;
  #state: ProcessState = 'down';
  #child: ChildProcess | undefined;
  #dialogue: Dialogue<ProcessActs> | undefined;
  #ended: Promise<void> = Promise.resolve();
  #restarts = -1;
  #failuresInARow = 0;
  #startedMs = Date.now();
  #readyAt: number | undefined;
  #beat: { readonly at: number; readonly last: Beat } | undefined;
  #instance: string | undefined;
  #isFresh = true;
  #connections = 0;

  constructor(number: number, listener: ProcessListener) {
    this.number = number;
    this.#listener = listener;
  }

  get state(): ProcessState {
    return this.#state;
  }

  get connections(): number {
    return this.#connections;
  }

  /** Ready ones first, then those that load; one that is late with its beat after those in time. */
  get rank(): number | undefined {
    if (this.#state !== 'ready' && this.#state !== 'serving') return undefined;
    return (this.#state === 'ready' ? 0 : 2) + (this.silentMs > lateMs ? 1 : 0);
  }

  get beat(): Beat | undefined {
    return this.#state === 'down' ? undefined : this.#beat?.last;
  }

  /** It was restarted by request, and begins with what is on disk now. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** It takes work, and so has to make every change that the others make. */
  get takesPart(): boolean {
    return this.#state === 'ready';
  }

  ask<Act extends keyof ProcessActs>(
    act: Act,
    given: Parameters<ProcessActs[Act]>[0],
    limitMs: number,
  ): Promise<Awaited<ReturnType<ProcessActs[Act]>>> {
    if (!this.#dialogue)
      throw new ServiceError('not_ready', say`Cannot ask process ${this.number}: it restarts; try again.`);
    return this.#dialogue.ask(act, given, limitMs);
  }

  /** From now on it takes work. */
  enter(): void {
    this.#readyAt = performance.now();
    this.#become('ready');
  }

  /** Since its last sign of life. */
  get silentMs(): number {
    return this.#beat === undefined ? 0 : performance.now() - this.#beat.at;
  }

  get restarts(): number {
    return Math.max(0, this.#restarts);
  }

  get standing(): ProcessStanding {
    const { beat } = this;
    return {
      number: this.number,
      pid: this.#child?.pid,
      state: this.#state,
      startedMs: this.#startedMs,
      restarts: this.restarts,
      instance: this.#instance,
      fit: this.#state === 'ready' && beat?.fit === true,
      inFlight: beat?.inFlight ?? 0,
      connections: this.#connections,
    };
  }

  /** Resolves when it has ended, however often it was started before. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  start(seat: Omit<SeatFacts, 'number' | 'restarts'>): void {
    this.#restarts += 1;
    this.#startedMs = Date.now();
    this.#connections = 0;
    this.#beat = undefined;
    this.#readyAt = undefined;
    const child = fork(process.argv[1]!, [seatWord, ...process.argv.slice(2)], {
      serialization: 'advanced',
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    this.#child = child;
    this.#dialogue = new Dialogue({
      acts: () => this.#listener.acts(this),
      send: (message) => this.send(message),
      with_: `process ${this.number}`,
    });
    this.#ended = new Promise((resolve) => {
      child.once('error', (error) => this.#end(child, `could not be started: ${error.message}`, null, resolve));
      child.once('exit', (code, signal) =>
        this.#end(child, signal === null ? `ended with code ${code}` : `was ended by ${signal}`, code, resolve),
      );
    });
    child.on('message', (message) => this.#receive(message as FromProcess));
    this.#become('starting');
    this.send({ kind: 'seat', seat: { ...seat, number: this.number, restarts: this.restarts } });
  }

  send(message: ToProcess): void {
    // Whether it is gone is said by its end.
    if (this.#child?.connected) this.#child.send(message, () => undefined);
  }

  give(id: number, socket: Socket, entrance: EntranceName): boolean {
    if (!this.#child?.connected) return false;
    this.#connections += 1;
    // Open here until it is taken there: a process may die with what it was sent.
    const message: ToProcess = { kind: 'connection', id, entrance };
    this.#child.send(message, socket, { keepOpen: true }, () => undefined);
    return true;
  }

  /** Ends in order, and takes no more connections from now on. */
  leave(noticeMs: number): void {
    this.#isFresh = true;
    this.#become('leaving');
    this.send({ kind: 'leave', noticeMs });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** How long to wait before it is started again: not at all for one that was sound. */
  backOffMs(inOrder: boolean): number {
    const wasSound = this.#readyAt !== undefined && (inOrder || performance.now() - this.#readyAt >= soundAfterMs);
    this.#failuresInARow = wasSound ? 0 : this.#failuresInARow + 1;
    return this.#failuresInARow === 0 ? 0 : Math.min(backOffMsMax, backOffMsMin * 2 ** (this.#failuresInARow - 1));
  }

  #receive(message: FromProcess): void {
    switch (message.kind) {
      case 'serving':
        this.#instance = message.instance;
        this.#beat = { at: performance.now(), last: { healthy: true, fit: false, inFlight: 0 } };
        this.#become('serving');
        break;
      case 'leaving':
        this.#become('leaving');
        break;
      case 'accepted':
        this.#listener.accepted(message.id);
        break;
      case 'refused':
        this.#connections -= 1;
        this.#listener.refused(message.id);
        break;
      case 'closed':
        this.#connections -= message.connections;
        break;
      case 'beat':
        this.#beat = { at: performance.now(), last: message.beat };
        break;
      default:
        this.#dialogue?.receive(message);
    }
  }

  #end(child: ChildProcess, how: string, code: number | null, resolve: () => void): void {
    if (this.#child !== child) return;
    // One that died by itself comes back with what the others have.
    if (this.#state !== 'leaving') this.#isFresh = false;
    this.#child = undefined;
    this.#connections = 0;
    this.#dialogue?.end();
    this.#dialogue = undefined;
    this.#become('down');
    resolve();
    this.#listener.ended(this, how, code);
  }

  #become(state: ProcessState): void {
    // What leaves does not come back by a word that was on its way.
    if (this.#state === 'leaving' && (state === 'ready' || state === 'serving')) return;
    this.#state = state;
    this.#listener.changed(this);
  }
}
