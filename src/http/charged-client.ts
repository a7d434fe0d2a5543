import type { IncomingMessage } from 'node:http';
import { groupOf } from './client-group.ts';

/**
 * Who is charged for what a request holds: the client, or the address before the client is known.
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
