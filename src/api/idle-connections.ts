import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Bag, type InBag } from '../bag.ts';
import { isAnswering } from './served-messages.ts';

/** Who counts on the time that the answer promised is given a little more of it: a request that is on its way then still arrives. */
const graceMs = 1000;

/**
 * Closes connections that have been answered and are silent for so long. Node makes a timer for it after each answer and ends it with the next request, a
 * twentieth of what a small inference costs; here one timer looks at all connections, and a request leaves no more for it than the bytes that it came in.
 */
export function closeIdleConnections(server: Server, keepAliveMs: number): void {
  const connections = new Bag<Connection>();
  server.on('connection', (socket) => {
    const connection: Connection = { place: 0, socket, bytes: 0, silentSince: performance.now() };
    connections.add(connection);
    socket.once('close', () => connections.remove(connection));
  });
  const look = () => {
    const now = performance.now();
    for (const connection of connections) {
      const { socket, bytes, silentSince } = connection;
      // One that was never answered is not idle but late: its headers have a limit of their own.
      if (socket.bytesRead !== bytes || socket.bytesWritten === 0 || isAnswering(socket)) {
        connection.bytes = socket.bytesRead;
        connection.silentSince = now;
      } else if (now - silentSince >= keepAliveMs + graceMs) socket.destroy();
    }
  };
  const timer = setInterval(look, Math.min(1000, keepAliveMs)).unref();
  server.once('close', () => clearInterval(timer));
}

type Connection = InBag & { readonly socket: Socket; bytes: number; silentSince: number };
