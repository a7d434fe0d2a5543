import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { choosePort } from '../launcher/free-port.ts';
import { waitFor } from './wait-for.ts';

const program = '/usr/sbin/haproxy';
const configuration = join(import.meta.dirname, '../deploy/balancer/haproxy.cfg');

export type Haproxy = AsyncDisposable & {
  readonly url: string;
  readonly said: () => string;
  /** Whether it sends requests to the replica of this number. */
  isUp(replica: number): Promise<boolean>;
};

/** The real HAProxy with the configuration that we ship, in front of three replicas. */
export async function startHaproxy(
  replicas: readonly [url: string, url: string, url: string],
): Promise<Haproxy | { unavailable: string }> {
  if (!existsSync(program)) return { unavailable: `there is no ${program} (Debian: haproxy)` };
  const [port, figures] = [await choosePort('127.0.0.1'), await choosePort('127.0.0.1')];
  const [first, second, third] = replicas.map((url) => new URL(url).host);
  const child = spawn(program, ['-db', '-f', configuration], {
    env: {
      REPLICA_1: first,
      REPLICA_2: second,
      REPLICA_3: third,
      LISTEN: `127.0.0.1:${port}`,
      FIGURES: `127.0.0.1:${figures}`,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  const isUp = async (replica: number) => {
    const text = await (await fetch(`http://127.0.0.1:${figures}/metrics`)).text();
    const line = new RegExp(
      `^haproxy_server_status\\{proxy="replicas",server="replica-${replica}",state="UP"\\} 1$`,
      'm',
    );
    return line.test(text);
  };
  try {
    await waitFor('all replicas to be up', async () => (await Promise.all([1, 2, 3].map(isUp))).every(Boolean), {
      deadlineMs: 60_000,
    });
  } catch (error) {
    await stop();
    throw new Error(`HAProxy is not ready: ${said}`, { cause: error });
  }
  return { url: `http://127.0.0.1:${port}`, said: () => said, isUp, [Symbol.asyncDispose]: stop };
}
