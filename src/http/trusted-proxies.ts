import { isIP } from 'node:net';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';

/** VITRINE_TRUST_PROXY as Express takes it. Anything it would have to guess at ends the start. */
export function trustedProxies({ trustProxy }: Pick<Config, 'trustProxy'>): false | number | string[] {
  if (trustProxy === '') return false;
  if (/^[1-9]\d?$/.test(trustProxy)) return Number(trustProxy);
  const proxies = trustProxy.split(',').map((proxy) => proxy.trim());
  if (proxies.every(isAddressOrSubnet)) return proxies;
  throw new ServiceError(
    'invalid_setting',
    say`Cannot use VITRINE_TRUST_PROXY: it is neither a number of hops nor a list of addresses and subnets; give one, as in 10.0.0.0/8, or leave it out.`,
  );
}

function isAddressOrSubnet(words: string): boolean {
  const [address = '', bits, ...rest] = words.split('/');
  const kind = isIP(address);
  if (kind === 0 || rest.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (kind === 4 ? 32 : 128));
}
