import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Server as NetServer, Socket } from 'node:net';
import type { Entrance } from '../http/entrance.ts';
import type { BesidePort } from '../http/serve-http.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../telemetry/logger.ts';
import type { EntranceName } from './messages.ts';
import type { Seat } from './seat.ts';

/**
 * The connections that the first process gives to this one, and a private socket for the other
 * processes. `inner` serves that socket where the port speaks TLS; between processes it is not used.
 */
export function sharedEntrance(of: {
  seat: Seat;
  lifecycle: Lifecycle;
  instance: string | undefined;
  inner: Server | undefined;
}): Entrance {
  const { seat, lifecycle, instance, inner } = of;
  const given = new Set<Socket>();
  let empty: (() => void) | undefined;
  const path = seat.socketOf(seat.facts.number);
  return {
    open: async (server) => {
      seat.listen({
        shed: (connections) => lifecycle.shed(connections),
        log: (event, sentence) => log('app', 'warn', sentence, { event_type: event }),
      });
      await listenAt(server, inner ? `${path}.tls` : path);
      if (inner) await listenAt(inner, path);
      seat.take('http', (socket) => take(server, socket));
      seat.serving(instance);
      return seat.facts.ports.http!;
    },
    close: async (server) => {
      seat.take('http', undefined);
      seat.left();
      const emptied = new Promise<void>((resolve) => {
        empty = resolve;
        if (given.size === 0) resolve();
      });
      await Promise.all([closed(server), inner && closed(inner), emptied]);
    },
    cut: (server) => {
      server.closeAllConnections();
      inner?.closeAllConnections();
      for (const socket of given) socket.destroy();
    },
  };

  function take(server: Server, socket: Socket): void {
    given.add(socket);
    socket.once('close', () => {
      given.delete(socket);
      if (given.size === 0) empty?.();
    });
    server.emit('connection', socket);
  }
}

/** A port that all processes share beside the service's own. */
export function sharedBeside(seat: Seat, name: EntranceName, beside: Omit<BesidePort, 'open'>): BesidePort {
  const { server } = beside;
  return {
    ...beside,
    open: async () => {
      await listenAt(server, `${seat.socketOf(seat.facts.number)}.${name}`);
      seat.take(name, (socket) => server.emit('connection', socket));
      return seat.facts.ports[name]!;
    },
    close: () => {
      seat.take(name, undefined);
      return beside.close();
    },
  };
}

/** A server of Node's watches its connections only once it listens. */
function listenAt(server: NetServer, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // One that was killed has left it.
    rmSync(path, { force: true });
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
