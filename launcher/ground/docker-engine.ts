import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { type CommandOptions, runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';
import { makeEngineCgroup, removeEngineCgroups } from './engine-cgroup.ts';
import { explainEngine, startMsMax } from './engine-failure.ts';
import { makeOwnedFolder, sweepOwnedFolders } from './owned-folders.ts';

export type EngineOptions = {
  /**
   * `shared`: containers use the network of this machine, and the engine touches neither its firewall
   * nor its addresses. That is for builds. `bridged`: networks as compose makes them, for those who
   * are in a network namespace of their own.
   */
  readonly network: 'shared' | 'bridged';
  readonly signal?: AbortSignal | undefined;
};

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
    await sweepOwnedFolders();
    const folder = await makeOwnedFolder('vitrine-engine-');
    const engine = new DockerEngine(folder, network);
    try {
      await makeEngineCgroup(engine.#cgroup);
      await engine.#untilItAnswers(signal);
      return engine;
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(folder: string, network: EngineOptions['network']) {
    this.folder = folder;
    this.#cgroup = basename(folder);
    const log = openSync(join(folder, 'engine.log'), 'w');
    const own = ['--mount', '--pid', '--fork', '--kill-child=KILL', '--mount-proc'];
    // Each container's shim makes a socket there, and one that is killed leaves it.
    const run = 'mkdir -p /run/containerd && mount -t tmpfs -o mode=711 tmpfs /run/containerd && exec "$@"';
    const start = ['sh', '-c', run, 'sh', 'dockerd', ...this.#settings(network)];
    const parameters = ['--pdeathsig', 'KILL', 'unshare', ...own, ...start];
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
    await removeEngineCgroups(this.#cgroup);
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
