import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/**
 * A port that is free on this address now. It is below the range of outgoing connections, so it
 * stays free until its server starts, and during restarts of the server.
 */
export async function choosePort(address: string, taken: ReadonlySet<number> = new Set()): Promise<number> {
  for (let tries = 0; tries < 200; tries++) {
    const port = randomInt(15_000, 32_000);
    if (!taken.has(port) && (await isFree(port, address))) return port;
  }
  throw new Error(`No free port was found on ${address} in 200 tries`);
}

/** Whether a server could listen there now. */
export function isFree(port: number, address: string): Promise<boolean> {
  return new Promise((done, failed) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') done(false);
      else failed(error);
    });
    server.listen({ port, host: address, exclusive: true }, () => server.close(() => done(true)));
  });
}
