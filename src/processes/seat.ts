import type { Socket } from 'node:net';
import { join } from 'node:path';
import type { EventName } from '../telemetry/names/events.ts';
import type { FirstActs, ProcessActs } from './changes.ts';
import { Dialogue } from './dialogue.ts';
import type { Beat, EntranceName, FromProcess, SeatFacts, ToProcess, Whole } from './messages.ts';
import { processPart } from './process-part.ts';

/** What a process of several does when the first one says so. */
export type SeatListener = {
  shed(connections: number): void;
  log(event: EventName, sentence: string): void;
};

const beatEveryMs = 1_000;

/** The place of a process among several: what the first one says to it, and it to the first one. */
export class Seat {
  readonly facts: SeatFacts;
  /** Aborted, with the reason in words, when this process has to end in order. */
  readonly leaving: AbortSignal;
  readonly #leaving = new AbortController();
  readonly #changed = new Set<() => void>();
  /** Who takes the connections of each entrance; absent while none are taken. */
  readonly #takers = new Map<EntranceName, (socket: Socket) => void>();
  readonly #dialogue: Dialogue<FirstActs>;
  #acts: ProcessActs | undefined;
  #listener: SeatListener | undefined;
  #whole: Whole = { stopping: false, ready: false, processes: [], jobs: undefined };
  #noticeMs = 0;
  #closed = 0;
  #beating: NodeJS.Timeout | undefined;

  private constructor(facts: SeatFacts) {
    this.facts = facts;
    this.leaving = this.#leaving.signal;
    this.#dialogue = new Dialogue<FirstActs>({
      acts: () => this.#acts,
      send: (message) => this.#send(message),
      with_: 'the first process',
    });
    process.on('message', (message, socket) => this.#receive(message as ToProcess, socket as Socket | undefined));
    process.once('disconnect', () => {
      this.#dialogue.end();
      this.#leaving.abort('the first process has ended');
    });
    if (!process.connected) this.#leaving.abort('the first process has ended');
  }

  /** Waits for the first message of the process that started this one. */
  static take(): Promise<Seat> {
    return new Promise((resolve, reject) => {
      const gone = () => reject(new Error('the process that started this one has ended'));
      process.once('disconnect', gone);
      process.once('message', (message) => {
        process.off('disconnect', gone);
        const first = message as ToProcess;
        if (first.kind === 'seat') resolve(new Seat(first.seat));
        else reject(new Error(`the first message was ${first.kind}`));
      });
    });
  }

  /** The part of VITRINE_DATA that is this process's. */
  get part(): string {
    return processPart(this.facts.number);
  }

  get isFirst(): boolean {
    return this.facts.number === 1;
  }

  /** All processes, as the first one said it last. */
  get whole(): Whole {
    return this.#whole;
  }

  /** How long connections in use are still served once it leaves. */
  get noticeMs(): number {
    return this.#noticeMs;
  }

  /** The private socket of a process. */
  socketOf(number: number): string {
    return join(this.facts.folder, `${number}.sock`);
  }

  listen(listener: SeatListener): void {
    this.#listener = listener;
  }

  /** Connections of an entrance come here from now on; undefined: they go to other processes. */
  take(entrance: EntranceName, take: ((socket: Socket) => void) | undefined): void {
    if (take) this.#takers.set(entrance, take);
    else this.#takers.delete(entrance);
  }

  /** Calls `act` at every change of the whole; answers what ends that. */
  onWhole(act: () => void): () => void {
    this.#changed.add(act);
    return () => this.#changed.delete(act);
  }

  serving(instance: string | undefined): void {
    this.#send({ kind: 'serving', instance });
  }

  ask<Act extends keyof FirstActs>(
    act: Act,
    given: Parameters<FirstActs[Act]>[0],
    limitMs: number,
  ): Promise<Awaited<ReturnType<FirstActs[Act]>>> {
    return this.#dialogue.ask(act, given, limitMs);
  }

  /** What the first process may ask from now on. */
  answer(acts: ProcessActs): void {
    this.#acts = acts;
  }

  left(): void {
    this.#send({ kind: 'leaving' });
  }

  /** Several that close in one turn are one message. */
  connectionClosed(): void {
    this.#closed += 1;
    if (this.#closed > 1) return;
    setImmediate(() => {
      this.#send({ kind: 'closed', connections: this.#closed });
      this.#closed = 0;
    });
  }

  /** From now on the first one learns once a second how this process is. */
  beat(read: () => Beat | Promise<Beat>): void {
    const beat = async () => this.#send({ kind: 'beat', beat: await read() });
    this.#beating = setInterval(() => void beat(), beatEveryMs);
    void beat();
  }

  /** The way to the first process must not keep this one alive. */
  close(): void {
    clearInterval(this.#beating);
    process.channel?.unref();
  }

  #send(message: FromProcess): void {
    // When the first process is gone, this one ends too.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  }

  #connected({ id, entrance }: { id: number; entrance: EntranceName }, socket: Socket | undefined): void {
    const take = this.#takers.get(entrance);
    if (socket !== undefined && take === undefined) {
      this.#send({ kind: 'refused', id });
      socket.destroy();
      return;
    }
    this.#send({ kind: 'accepted', id });
    // Without a socket it broke off on its way.
    if (socket === undefined) this.connectionClosed();
    else {
      // As Node's own servers make them.
      socket.allowHalfOpen = true;
      socket.setNoDelay(true);
      socket.once('close', () => this.connectionClosed());
      take!(socket);
    }
  }

  #receive(message: ToProcess, socket: Socket | undefined): void {
    switch (message.kind) {
      case 'connection': {
        this.#connected(message, socket);
        return;
      }
      case 'whole':
        this.#whole = message.whole;
        for (const act of this.#changed) act();
        return;
      case 'leave':
        this.#noticeMs = message.noticeMs;
        this.#leaving.abort('another process takes over');
        return;
      case 'shed':
        this.#listener?.shed(message.connections);
        return;
      case 'log':
        this.#listener?.log(message.event, message.sentence);
        return;
      case 'ask':
      case 'answer':
      case 'failed':
        this.#dialogue.receive(message);
    }
  }
}
