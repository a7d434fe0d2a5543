import { BlockList, isIP } from 'node:net';

/** Whether only this machine reaches an address. */
export function isLoopback(address: string): boolean {
  const kind = isIP(address);
  return kind === 0 ? address === 'localhost' : loopback.check(address, kind === 6 ? 'ipv6' : 'ipv4');
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');
