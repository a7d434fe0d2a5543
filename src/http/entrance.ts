import type { Server } from 'node:http';
import { listenOn } from './listen-on.ts';

/** Where the connections of a server come from. */
export type Entrance = {
  /** Answers the port, which is another than asked for when that was 0. */
  open(server: Server): Promise<number>;
  /** Takes no more; resolves when the last connection has been served. */
  close(server: Server): Promise<void>;
  /** Serves nobody any longer. */
  cut(server: Server): void;
};

/** A port of its own. */
export function ownPort(bind: string, port: { value: number; setting: string }): Entrance {
  return {
    open: (server) => listenOn(server, bind, port),
    close: (server) => new Promise((resolve) => server.close(() => resolve())),
    cut: (server) => server.closeAllConnections(),
  };
}
