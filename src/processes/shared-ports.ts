import { createServer, type Server, type Socket } from 'node:net';
import type { Config } from '../config.ts';
import { listenOn } from '../http/listen-on.ts';
import type { EntranceName } from './messages.ts';

/** A process that connections can be given to. */
export type Taker = {
  /** Better ones are asked first; undefined: it takes none now. */
  readonly rank: number | undefined;
  /** Connections that it has. */
  readonly connections: number;
  /** Answers false where it could not be sent. */
  give(id: number, socket: Socket, entrance: EntranceName): boolean;
};

type Given = { readonly socket: Socket; readonly entrance: EntranceName; readonly to: Taker };

/** A port to be shared. */
export type SharedEntrance = { readonly name: EntranceName; readonly value: number; readonly setting: string };

/**
 * The ports of the service, held by the first process for as long as the service runs: no process
 * that dies or restarts takes waiting connections with it. Each connection goes, before a byte of
 * it is read, to the process that has the fewest. It stays open here until that process has it.
 */
export class SharedPorts implements AsyncDisposable {
  readonly ports: Readonly<Partial<Record<EntranceName, number>>>;
  readonly #servers: readonly Server[];
  readonly #takers: () => readonly Taker[];
  readonly #waitingMax: number;
  readonly #given = new Map<number, Given>();
  readonly #waiting = new Map<Socket, EntranceName>();
  #ids = 0;
  #turn = 0;

  private constructor(open: readonly OpenEntrance[], takers: () => readonly Taker[], waitingMax: number) {
    this.#servers = open.map(({ server }) => server);
    this.ports = Object.fromEntries(open.map(({ name, port }) => [name, port]));
    this.#takers = takers;
    this.#waitingMax = waitingMax;
    for (const { server, name } of open)
      server.on('connection', (socket: Socket) => {
        // It may break off while it waits; then there is nobody to give it to.
        socket.on('error', () => socket.destroy());
        this.#place(socket, name);
      });
  }

  static async open(
    { bind, connectionsMax }: Pick<Config, 'bind' | 'connectionsMax'>,
    entrances: readonly SharedEntrance[],
    takers: () => readonly Taker[],
  ): Promise<SharedPorts> {
    const open: OpenEntrance[] = [];
    for (const { name, ...port } of entrances) {
      // The process that serves it reads it.
      const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true });
      open.push({ server, name, port: await listenOn(server, bind, port) });
    }
    return new SharedPorts(open, takers, connectionsMax);
  }

  /** Connections that no process could take yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** The process has it: it is no concern of ours any more. */
  accepted(id: number): void {
    this.#given.get(id)?.socket.destroy();
    this.#given.delete(id);
  }

  /** The process does not take it: another one does. */
  refused(id: number): void {
    const given = this.#given.get(id);
    this.#given.delete(id);
    if (given) this.#place(given.socket, given.entrance);
  }

  /** What was given to a process that has ended, and was not taken, goes to another one. */
  ended(taker: Taker): void {
    for (const [id, { to }] of [...this.#given]) if (to === taker) this.refused(id);
  }

  /** A process may take connections that it could not take before. */
  placeWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [socket, entrance] of waiting) this.#place(socket, entrance);
  }

  /** Takes no more connections; those that no process has are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) server.close();
    for (const socket of this.#waiting.keys()) socket.destroy();
    for (const { socket } of this.#given.values()) socket.destroy();
  }

  #place(socket: Socket, entrance: EntranceName): void {
    if (socket.destroyed) return;
    const taker = this.#choose();
    this.#ids += 1;
    if (taker?.give(this.#ids, socket, entrance)) this.#given.set(this.#ids, { socket, entrance, to: taker });
    else if (this.#waiting.size < this.#waitingMax) this.#waiting.set(socket, entrance);
    else socket.destroy();
  }

  /** Of the best, the one with the fewest connections; of equals, each in its turn. */
  #choose(): Taker | undefined {
    const takers = this.#takers();
    let best: Taker | undefined;
    this.#turn += 1;
    for (let at = 0; at < takers.length; at += 1) {
      const taker = takers[(this.#turn + at) % takers.length]!;
      if (taker.rank === undefined) continue;
      if (
        best === undefined ||
        taker.rank < best.rank! ||
        (taker.rank === best.rank && taker.connections < best.connections)
      )
        best = taker;
    }
    return best;
  }
}

type OpenEntrance = { readonly server: Server; readonly name: EntranceName; readonly port: number };
