import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import type { Config } from '../config.ts';
import { RateWatch } from '../resilience/rate-watch.ts';
import { ChurnList, type InChurnList } from '../v8/churn-list.ts';
import type { HttpExchange } from './http-exchange.ts';

/**
 * A client that counts on the promised time gets a little more: a request on its way then still
 * arrives.
 */
const graceMs = 1000;

type Limits = Pick<Config, 'keepAliveMs' | 'bytesPerSecondMin' | 'slowAfterMs'>;

/**
 * Closes connections that are idle for too long, and connections whose caller reads its answer too
 * slowly (`tooSlow` hears of them first). One timer looks at all connections. Node would make one
 * after each answer and end it with the next request, a twentieth of a small inference.
 */
export function watchConnections(
  server: Server,
  connected: 'connection' | 'secureConnection',
  exchange: HttpExchange,
  limits: Limits,
  tooSlow: (socket: Socket) => void,
): void {
  const { keepAliveMs, slowAfterMs } = limits;
  const connections = new ChurnList<Connection>();
  server.on(connected, (socket: Socket) => {
    const connection: Connection = {
      index: 0,
      socket,
      bytes: 0,
      silentSince: performance.now(),
      reading: undefined,
    };
    connections.add(connection);
    socket.once('close', () => connections.remove(connection));
  });
  const look = () => {
    const now = performance.now();
    for (const connection of connections) {
      const { socket, bytes, silentSince } = connection;
      if (readsTooSlowly(connection, exchange, now, limits)) {
        tooSlow(socket);
        socket.destroy();
      }
      // One that was never answered is not idle but late: its headers have a limit of their own.
      else if (socket.bytesRead !== bytes || socket.bytesWritten === 0 || exchange.answerOn(socket) !== null) {
        connection.bytes = socket.bytesRead;
        connection.silentSince = now;
      } else if (now - silentSince >= keepAliveMs + graceMs) socket.destroy();
    }
  };
  const timer = setInterval(look, Math.min(1000, keepAliveMs, Math.max(10, slowAfterMs / 4))).unref();
  server.once('close', () => clearInterval(timer));
}

type Connection = InChurnList & {
  readonly socket: Socket;
  bytes: number;
  silentSince: number;
  /** While something waits to be read. */
  reading: RateWatch | undefined;
};

function readsTooSlowly(connection: Connection, exchange: HttpExchange, now: number, limits: Limits): boolean {
  const { socket, reading } = connection;
  if (socket.writableLength === 0) {
    connection.reading = undefined;
    return false;
  }
  if (reading !== undefined) return reading.isSlow(now, exchange.sentBytes(socket), limits);
  connection.reading = new RateWatch(now);
  connection.reading.restart(now, exchange.sentBytes(socket));
  return false;
}
