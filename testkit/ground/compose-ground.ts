import { hash, randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DockerEngine } from '../../launcher/ground/docker-engine.ts';
import { composeProgram } from '../../launcher/ground/ground-servers.ts';
import type { WrittenImage } from '../../launcher/ground/image-archive.ts';
import { runCommand } from '../../launcher/ground/run-command.ts';
import { sendSignal } from '../../launcher/process-identity.ts';
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
  readonly #program: string;

  static async start(images: readonly WrittenImage[]): Promise<ComposeGround> {
    const program = join(await ensureServer(composeProgram), 'docker-compose');
    const ground = new ComposeGround(await DockerEngine.start({ network: 'bridged' }), program);
    try {
      for (const { file } of images) await ground.engine.docker(['load', '--quiet', '--input', file]);
      await ground.#writeSecrets();
      return ground;
    } catch (error) {
      await ground[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(engine: DockerEngine, program: string) {
    this.engine = engine;
    this.#program = program;
    const secret = (name: string) => join(engine.folder, 'secrets', name);
    this.env = {
      ...engine.env,
      HOME: engine.folder,
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
    return runCommand(this.#program, ['--file', join(root, 'compose.yaml'), '--project-name', project, ...parameters], {
      env: given,
    });
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

  async logs(): Promise<string> {
    return this.compose(['logs', '--tail=60', '--no-color']).catch((error: Error) => error.message);
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
