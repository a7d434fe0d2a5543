import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { choosePort } from '../launcher/free-port.ts';
import { startService } from '../testkit/service-process.ts';
import { waitFor } from '../testkit/wait-for.ts';
import type { Shot } from './wrk.ts';

/** A server that is measured. Several shots may be fired at one. */
export type Server = AsyncDisposable & { readonly url: string; readonly processId: number };

const peers = join(homedir(), '.cache/vitrine/bench');
const programs = join(import.meta.dirname, 'arms');

/** The service itself, guards on; `from` another checkout where one is given. */
export async function startVitrine(env: Record<string, string>, from?: string): Promise<Server> {
  const service = await startService({ OTEL_METRIC_EXPORT_INTERVAL: '10000', ...env }, from ? { from } : {});
  return {
    url: `${service.url}/v2/models/perceptron/infer`,
    processId: service.pid,
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  };
}

/** One of the limits in arms/: it is given a port and these parameters. */
export async function startBare(program: string, parameters: readonly string[], models: string): Promise<Server> {
  const port = String(await choosePort('127.0.0.1'));
  const child = spawn(process.execPath, [join(programs, program), port, ...parameters], {
    env: { ...process.env, VITRINE_MODELS: models, OTEL_SDK_DISABLED: 'true' },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  await new Promise((resolve, reject) => {
    child.stdout?.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
  });
  return server(child, `http://127.0.0.1:${port}/`);
}

export const peerNames = ['mlserver', 'litserve', 'bentoml'] as const;
export type PeerName = (typeof peerNames)[number];

/** Python's servers are measured where their environments are. */
export function hasPeer(name: PeerName): boolean {
  return existsSync(join(peers, name, 'bin/python'));
}

export async function startPeer(name: PeerName, modelFile: string, folder: string): Promise<Server> {
  const port = String(await choosePort('127.0.0.1'));
  const { parameters, path, readyPath } = {
    mlserver: {
      parameters: ['start', join(programs, 'mlserver')],
      path: '/v2/models/perceptron/infer',
      readyPath: '/v2/health/ready',
    },
    litserve: {
      parameters: [join(programs, 'litserve_arm.py'), port, modelFile],
      path: '/predict',
      readyPath: '/health',
    },
    bentoml: {
      parameters: ['serve', 'bentoml_arm:Perceptron', '--working-dir', programs, '--port', port],
      path: '/predict',
      readyPath: '/readyz',
    },
  }[name];
  const child = spawn(join(peers, name, 'bin', name === 'litserve' ? 'python' : name), parameters, {
    cwd: programs,
    env: {
      ...process.env,
      BENCH_MODEL: modelFile,
      BENTOML_DO_NOT_TRACK: 'true',
      BENTOML_HOME: join(folder, 'bentoml'),
      MLSERVER_HTTP_PORT: port,
      MLSERVER_GRPC_PORT: String(await choosePort('127.0.0.1')),
      MLSERVER_METRICS_PORT: String(await choosePort('127.0.0.1')),
      MLSERVER_HOST: '127.0.0.1',
      MLSERVER_DEBUG: 'false',
    },
    stdio: 'ignore',
    detached: true,
  });
  const url = `http://127.0.0.1:${port}`;
  await waitFor(`${name} to be ready`, async () => (await fetch(url + readyPath)).ok, {
    deadlineMs: 120_000,
    everyMs: 500,
  });
  return server(child, url + path);
}

/** Throws unless it answers with success. */
export async function tryOnce(url: string, { headers, body }: Shot): Promise<void> {
  const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
  if (!response.ok) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

function server(child: ChildProcess, url: string): Server {
  return {
    url,
    processId: child.pid ?? -1,
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await Promise.race([gone, pause(5_000, undefined, { ref: false })]);
      // A peer may leave workers behind, even when it was asked to end: they are of its process group.
      endGroup(child.pid ?? -1);
      await gone;
    },
  };
}

function endGroup(processId: number): void {
  try {
    process.kill(-processId, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
