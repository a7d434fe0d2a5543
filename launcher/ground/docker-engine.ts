import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { StackFailure } from '../stack-failure.ts';
import { explainEngine, startMsMax } from './engine-failure.ts';
import { type CommandOptions, runCommand } from './run-command.ts';

export type EngineOptions = {
  /**
   * `shared`: containers use the network of this machine, and the engine touches neither its firewall
   * nor its addresses. That is for builds. `bridged`: networks as compose makes them, for those who
   * are in a network namespace of their own.
   */
  readonly network: 'shared' | 'bridged';
  readonly signal?: AbortSignal | undefined;
};

/** As many as compose.yaml starts, and a few for builds. */
const containersMax = 16;

/**
 * A Docker engine on a socket of its own, in a folder of its own. It runs in namespaces of processes
 * and mounts that end with it, so nothing that it started outlives it.
 */
export class DockerEngine implements AsyncDisposable {
  readonly folder: string;
  readonly #process: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #cgroup: string;

  static async start({ network, signal }: EngineOptions): Promise<DockerEngine> {
    const folder = await mkdtemp(join(tmpdir(), 'vitrine-engine-'));
    const engine = new DockerEngine(folder, network);
    try {
      await shareProcessors(engine.#cgroup);
      await engine.#untilItAnswers(signal);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(folder: string, network: EngineOptions['network']) {
    this.folder = folder;
    this.#cgroup = folder.split('/').at(-1)!;
    const log = openSync(join(folder, 'engine.log'), 'w');
    const own = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
    const parameters = ['--pdeathsig', 'KILL', 'unshare', ...own, 'dockerd', ...this.#settings(network)];
    this.#process = spawn('setpriv', parameters, {
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
      stdio: ['ignore', log, log],
    });
    this.#exited = once(this.#process, 'exit').catch(() => undefined);
    closeSync(log);
  }

  /** For docker and docker-compose. */
  get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      DOCKER_HOST: `unix://${join(this.folder, 'socket')}`,
      DOCKER_CONFIG: join(this.folder, 'client'),
      DOCKER_BUILDKIT: '0',
    };
  }

  docker(parameters: readonly string[], options: CommandOptions = {}): Promise<string> {
    return runCommand('docker', parameters, { ...options, env: { ...this.env, ...options.env } });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#exited;
    await removeCgroups(this.#cgroup);
    await rm(this.folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  }

  #settings(network: EngineOptions['network']): string[] {
    const inside = (name: string) => join(this.folder, name);
    const untouched = [
      '--bridge=none',
      '--iptables=false',
      '--ip6tables=false',
      '--ip-forward=false',
      '--ip-masq=false',
    ];
    return [
      `--data-root=${inside('data')}`,
      `--exec-root=${inside('exec')}`,
      `--pidfile=${inside('engine.pid')}`,
      `--config-file=${inside('engine.json')}`,
      `--host=unix://${inside('socket')}`,
      `--cgroup-parent=/${this.#cgroup}`,
      ...(network === 'shared' ? untouched : []),
    ];
  }

  async #untilItAnswers(signal: AbortSignal | undefined): Promise<void> {
    await writeFile(join(this.folder, 'engine.json'), '{}');
    await makeFolder(join(this.folder, 'client'));
    const endsAt = performance.now() + startMsMax;
    while (performance.now() < endsAt && this.#process.exitCode === null) {
      if (await this.docker(['info'], { signal }).catch(() => undefined)) return;
      signal?.throwIfAborted();
      await pause(100);
    }
    const log = (await ifThere(readFile(join(this.folder, 'engine.log'), 'utf8'))) ?? '';
    throw new StackFailure(explainEngine(log));
  }
}

/**
 * All containers together are one entry to the scheduler: with the usual share they would get less
 * than a single busy program beside them.
 */
async function shareProcessors(cgroup: string): Promise<void> {
  const [v1, v2] = ['/sys/fs/cgroup/cpu', '/sys/fs/cgroup'];
  const place = existsSync(join(v1, 'cpu.shares')) ? v1 : v2;
  await makeFolder(join(place, cgroup));
  const [file, share] = place === v1 ? ['cpu.shares', 1024 * containersMax] : ['cpu.weight', 100 * containersMax];
  // Without the controller there are no shares to give.
  await writeFile(join(place, cgroup, file), String(share)).catch(() => undefined);
}

/** A process that was killed leaves its cgroup, which is empty then. */
async function removeCgroups(name: string): Promise<void> {
  const root = '/sys/fs/cgroup';
  const controllers = (await ifThere(readdir(root))) ?? [];
  for (const place of [root, ...controllers.map((controller) => join(root, controller))])
    await removeCgroup(join(place, name));
}

async function removeCgroup(path: string): Promise<void> {
  const entries = await ifThere(readdir(path, { withFileTypes: true }), ['ENOTDIR']);
  if (entries === undefined) return;
  for (const entry of entries) if (entry.isDirectory()) await removeCgroup(join(path, entry.name));
  for (let tries = 0; tries < 50; tries++) {
    // The kernel frees the place of the last process a moment after its end.
    if (
      await rmdir(path).then(
        () => true,
        () => false,
      )
    )
      return;
    await pause(100);
  }
  throw new StackFailure(`Cannot remove the cgroup ${path}: a process is still in it; end it, then remove the folder.`);
}
