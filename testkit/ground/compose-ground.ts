import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerEngine } from '../../launcher/ground/docker-engine.ts';
import { composeProgram } from '../../launcher/ground/ground-servers.ts';
import type { WrittenImage } from '../../launcher/ground/image-archive.ts';
import { sendSignal } from '../../launcher/process-identity.ts';
import { runCommand } from '../../launcher/run-command.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { ifThere } from '../../src/if-there.ts';
import { root } from '../suite/plan-suite.ts';
import { waitFor } from '../wait-for.ts';

const project = 'vitrine';

/** compose.yaml on an engine of its own, with secrets of its own, as a user would start it. */
export class ComposeGround implements AsyncDisposable {
  readonly engine: DockerEngine;
  readonly apiKey = randomBytes(16).toString('hex');
  readonly alertsToken = randomBytes(16).toString('hex');
  readonly env: NodeJS.ProcessEnv;
  /** Of Compose, the first one deciding where the others' paths begin. */
  files: readonly string[] = [join(root, 'compose.yaml')];
  readonly #program: string;
  readonly #loaded = new Set<string>();

  static async start(): Promise<ComposeGround> {
    const program = join(await ensureServer(composeProgram), 'docker-compose');
    const ground = new ComposeGround(await DockerEngine.start({ network: 'bridged' }), program);
    try {
      await ground.#writeSecrets();
      return ground;
    } catch (error) {
      await ground[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** An image of the same name and other content takes its name over, as after an upgrade. */
  async load(images: readonly WrittenImage[]): Promise<void> {
    for (const { file, id, name } of images) {
      if (this.#loaded.has(id)) await this.engine.docker(['tag', id, name]);
      else await this.engine.docker(['load', '--quiet', '--input', file]);
      this.#loaded.add(id);
    }
  }

  private constructor(engine: DockerEngine, program: string) {
    this.engine = engine;
    this.#program = program;
    const secret = (name: string) => join(engine.folder, 'secrets', name);
    this.env = {
      ...engine.env,
      HOME: engine.folder,
      VITRINE_DOCKER_SOCKET: join(engine.folder, 'socket'),
      GRAFANA_PASSWORD: randomBytes(8).toString('hex'),
      VITRINE_API_KEYS_FILE: secret('keys.json'),
      VITRINE_ADMIN_TOKEN_FILE: secret('admin'),
      VITRINE_RECEIVER_ALERTS_TOKEN_FILE: secret('alerts'),
    };
  }

  /** `docker compose …`, whole output; `CommandFailed` has it where it fails. */
  compose(parameters: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const given = Object.fromEntries(
      Object.entries({ ...this.env, ...env }).filter(([, value]) => value !== undefined),
    );
    const files = this.files.flatMap((file) => ['--file', file]);
    return runCommand(this.#program, [...files, '--project-name', project, ...parameters], { env: given });
  }

  /** Starts what the images are there for, and waits until every container is healthy. */
  up(parameters: readonly string[] = [], profile: readonly string[] = []): Promise<string> {
    const flags = ['--detach', '--no-build', '--pull=never', '--wait', '--wait-timeout=420'];
    return this.compose([...profile, 'up', ...flags, ...parameters]);
  }

  async container(service: string): Promise<string> {
    const id = (await this.compose(['ps', '--all', '--quiet', service])).trim();
    if (id === '') throw new Error(`There is no container of ${service}`);
    return id;
  }

  /** The state that the engine knows: `{{.State.Health.Status}}` and the like. */
  async inspect(service: string, format: string): Promise<string> {
    return (await this.engine.docker(['inspect', '--format', format, await this.container(service)])).trim();
  }

  /** A store's address inside one of the networks of compose: this machine is their gateway. */
  async url(service: string, port: number, network = 'stores'): Promise<string> {
    const format = `{{(index .NetworkSettings.Networks "${project}_${network}").IPAddress}}`;
    return `http://${await this.inspect(service, format)}:${port}`;
  }

  /** Ends it as a lack of memory would: the engine is not asked, and starts it again. */
  async kill(service: string): Promise<void> {
    const before = await this.inspect(service, '{{.State.StartedAt}}');
    for (const pid of await processesOf(await this.container(service))) sendSignal(pid, 'SIGKILL');
    await waitFor(
      `${service} to be started again`,
      async () => (await this.inspect(service, '{{.State.Running}} {{.State.StartedAt}}')) !== `true ${before}`,
    );
  }

  async untilHealthy(service: string): Promise<void> {
    await waitFor(
      `${service} to be healthy`,
      async () => (await this.inspect(service, '{{.State.Health.Status}}')) === 'healthy',
      { deadlineMs: 240_000, everyMs: 250 },
    );
  }

  /** Asks addresses from inside a network of compose; each has to answer 200. */
  async askFrom(network: string, urls: readonly string[]): Promise<void> {
    const ask = `for (const url of ${JSON.stringify(urls)}) {
      const answer = await fetch(url).catch((error) => ({ status: String(error.cause ?? error) }));
      if (!answer.ok) { console.log(url, answer.status); process.exitCode = 1; }
    }`;
    const image = await this.inspect('service', '{{.Config.Image}}');
    const parameters = ['node', '--input-type=module', '--eval', ask];
    await this.engine.docker(['run', '--rm', `--network=${project}_${network}`, image, ...parameters]);
  }

  /** What is there beside the images: containers, networks and volumes. */
  async left(): Promise<string[]> {
    const list = async (kind: string, ...parameters: string[]) =>
      (await this.engine.docker(parameters))
        .split('\n')
        .filter((name) => name !== '' && !['bridge', 'host', 'none'].includes(name))
        .map((name) => `${kind} ${name}`);
    return [
      ...(await list('container', 'ps', '--all', '--format', '{{.Names}}')),
      ...(await list('network', 'network', 'ls', '--format', '{{.Name}}')),
      ...(await list('volume', 'volume', 'ls', '--format', '{{.Name}}')),
    ];
  }

  /** Of a start that failed: why, and what its containers have printed. */
  async explained<T>(started: Promise<T>): Promise<T> {
    try {
      return await started;
    } catch (error) {
      const logs = await this.compose(['logs', '--tail=60', '--no-color']).catch((failed: Error) => failed.message);
      throw new Error(`${(error as Error).message}\n${logs}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.engine[Symbol.asyncDispose]();
  }

  /** For the containers' users, who are not root; the folder lets nobody else in. */
  async #writeSecrets(): Promise<void> {
    const folder = join(this.engine.folder, 'secrets');
    await mkdir(folder, { mode: 0o700 });
    const keys = { keys: [{ name: 'ground', sha256: hash('sha256', this.apiKey, 'hex') }] };
    const texts = {
      'keys.json': JSON.stringify(keys),
      admin: randomBytes(16).toString('hex'),
      alerts: this.alertsToken,
    };
    for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, name), text, { mode: 0o644 });
  }
}

/** A container's processes as this process sees them, by their cgroup. */
async function processesOf(container: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const cgroup = await ifThere(readFile(`/proc/${pid}/cgroup`, 'utf8'), ['ESRCH']);
    if (cgroup?.includes(container)) found.push(Number(pid));
  }
  return found;
}
