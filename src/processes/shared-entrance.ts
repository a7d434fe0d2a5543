import { rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Entrance } from '../http/entrance.ts';
import type { Lifecycle } from '../lifecycle.ts';
import { log } from '../telemetry/logger.ts';
import type { Seat } from './seat.ts';

/**
 * The connections that the first process gives to this one, and a private socket for the other
 * processes.
 */
export function sharedEntrance(seat: Seat, lifecycle: Lifecycle, instance: string | undefined): Entrance {
  const given = new Set<Socket>();
  let isOpen = false;
  let empty: (() => void) | undefined;
  const path = seat.socketOf(seat.facts.number);
  return {
    open: (server) =>
      new Promise((resolve, reject) => {
        seat.listen({
          connection: (socket) => isOpen && take(server, socket),
          shed: (connections) => lifecycle.shed(connections),
          log: (event, sentence) => log('app', 'warn', sentence, { event_type: event }),
        });
        // One that was killed has left it.
        rmSync(path, { force: true });
        server.once('error', reject);
        server.listen(path, () => {
          isOpen = true;
          seat.serving(instance);
          resolve(seat.facts.port);
        });
      }),
    close: async (server) => {
      isOpen = false;
      seat.left();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const emptied = new Promise<void>((resolve) => {
        empty = resolve;
        if (given.size === 0) resolve();
      });
      await Promise.all([closed, emptied]);
    },
    cut: (server) => {
      server.closeAllConnections();
      for (const socket of given) socket.destroy();
    },
  };

  function take(server: Server, socket: Socket): boolean {
    // As Node's own server makes them.
    socket.allowHalfOpen = true;
    socket.setNoDelay(true);
    given.add(socket);
    socket.once('close', () => {
      given.delete(socket);
      seat.connectionClosed();
      if (given.size === 0) empty?.();
    });
    server.emit('connection', socket);
    return true;
  }
}
