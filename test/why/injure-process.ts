import { createServer } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread } from 'node:worker_threads';

// Loaded into the service before it starts (--import): holds its event loop, or has it collect
// garbage, when a test says so on a socket. Production code has no hook for it.

const socket = process.env.VITRINE_TEST_SOCKET;
if (isMainThread && socket !== undefined && process.argv[1]?.endsWith('src/main.ts')) {
  delete process.env.NODE_OPTIONS;
  createServer((connection) => {
    connection.on('data', (text) => {
      for (const line of String(text).split('\n')) if (line !== '') obey(line);
      connection.write('done\n');
    });
    connection.on('error', () => undefined).unref();
  })
    .listen(socket)
    .unref();
}

let ballast: unknown[] | undefined;

function obey(line: string): void {
  const [what, ms = '0'] = line.split(' ');
  const until = performance.now() + Number(ms);
  if (what === 'hold') {
    while (performance.now() < until);
    return;
  }
  if (what === 'fill') {
    // What a collection of everything has to walk through.
    ballast = Array.from({ length: 1_000_000 }, (_, at) => ({ at }));
    return;
  }
  if (what === 'empty') {
    ballast = undefined;
    return;
  }
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  do collect();
  while (performance.now() < until);
}
export type Ballast = typeof ballast;
