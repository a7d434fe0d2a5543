import type { Caller } from './caller.ts';
import { groupOf } from './client-group.ts';

/**
 * Who is charged for what a request holds: the client, or the address before the client is known.
 */
export function chargedClient(request: Pick<Caller, 'socket'>): string {
  const { chargedTo } = request as Charged;
  if (chargedTo !== undefined) return chargedTo;
  const group = groupOf(request.socket.remoteAddress ?? 'unknown');
  (request as Charged).chargedTo = group;
  return group;
}

export function chargeTo(request: Pick<Caller, 'socket'>, client: string): void {
  (request as Charged).chargedTo = client;
}

type Charged = Pick<Caller, 'socket'> & { chargedTo: string | undefined };
