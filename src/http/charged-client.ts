import type { IncomingMessage } from 'node:http';
import { groupOf } from './client-group.ts';

/**
 * Who is charged for what a request holds: the client that the door has found, or the address while
 * it has not.
 */
export function chargedClient(request: IncomingMessage): string {
  const { chargedTo } = request as Charged;
  if (chargedTo !== undefined) return chargedTo;
  const group = groupOf(request.socket.remoteAddress ?? 'unknown');
  (request as Charged).chargedTo = group;
  return group;
}

export function chargeTo(request: IncomingMessage, client: string): void {
  (request as Charged).chargedTo = client;
}

type Charged = IncomingMessage & { chargedTo: string | undefined };
