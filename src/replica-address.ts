import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { Config } from './config.ts';

/** Where the other replicas ask this one; undefined where it is not asked. */
export function replicaAddress({
  replicaPort,
  replicaAddress,
  bind,
}: Pick<Config, 'replicaPort' | 'replicaAddress' | 'bind'>): string | undefined {
  if (replicaPort === 0) return undefined;
  const isOneAddress = bind !== '0.0.0.0' && bind !== '::';
  const host = replicaAddress !== '' ? replicaAddress : isOneAddress ? bind : hostname();
  return `${isIP(host) === 6 ? `[${host}]` : host}:${replicaPort}`;
}
