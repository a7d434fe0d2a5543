import type { RouteTable } from '../http/route-table.ts';
import type { DoorName } from './receiver-metrics.ts';

/** `token`: whose token file lets a program in. */
export type Word = { readonly may: 'open' } | { readonly may: 'client'; readonly token: DoorName };

const open = { may: 'open' } as const;

/**
 * Every route of the receiver. Where there is no token file, every program that reaches the port
 * may use them.
 */
export const receiverRoutes = {
  '/alerts': { get: { may: 'client', token: 'alerts' }, post: { may: 'client', token: 'alerts' } },
  '/deploy': { post: { may: 'client', token: 'deploy' } },
  '/events': { post: { may: 'client', token: 'events' } },
  '/live': { get: open },
  '/ready': { get: open },
  '/health': { get: open },
} as const satisfies RouteTable<Word>;
