import type { Server, Socket } from 'node:net';
import type { ServiceError } from '../errors.ts';
import type { SharedBudget } from '../resilience/shared-budget.ts';
import { groupOf } from './client-group.ts';

/** How long a connection that is refused is listened to, so that its caller sees why. */
const refusalMs = 1000;
const refusalsMax = 64;

/**
 * Lets connections in within their budget, in which each address has a share. `refusal` makes the
 * bytes of an answer, `answer` sends them.
 */
export function admitConnections(
  server: Server,
  connections: SharedBudget,
  refusal: (error: ServiceError) => string,
  answer: (socket: Socket, text: string) => void,
): void {
  // One more is accepted, to be refused with a reason; Node closes all beyond.
  server.maxConnections = connections.terms.max + refusalsMax;
  server.on('drop', () => (connections.refused.full += 1));
  const listeners = server.listeners('connection') as ((socket: Socket) => void)[];
  server.removeAllListeners('connection');
  let refusing = 0;
  server.on('connection', (socket) => {
    const address = groupOf(socket.remoteAddress ?? 'unknown');
    try {
      connections.take(address, 1);
    } catch (error) {
      refuse(socket, error as ServiceError);
      return;
    }
    socket.once('close', () => connections.giveBack(address, 1));
    for (const listener of listeners) listener.call(server, socket);
  });

  function refuse(socket: Socket, error: ServiceError): void {
    if (refusing >= refusalsMax) {
      socket.destroy();
      return;
    }
    refusing += 1;
    const overtime = setTimeout(() => socket.destroy(), refusalMs).unref();
    socket.once('close', () => {
      refusing -= 1;
      clearTimeout(overtime);
    });
    socket.on('error', () => socket.destroy());
    answer(socket, refusal(error));
  }
}

/**
 * Its bytes are discarded: closed with unread bytes, it would be reset before the answer arrives.
 */
export function answerUnread(socket: Socket, text: string): void {
  socket.resume();
  socket.end(text);
}
