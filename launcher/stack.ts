import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { rotateConsoleLog } from '../cli/console-log.ts';
import { type Config, readConfig, settings } from '../src/config.ts';
import { makeForOwnerAlone } from '../src/data-folder.ts';
import type { Way } from './ask-port.ts';
import { encryptsAll } from './certificates/certificate-files.ts';
import { ComponentProcess, type ProcessState } from './component-process.ts';
import {
  type ComponentName,
  collectorEndpoint,
  component,
  componentNames,
  defaultComponents,
  type LaunchContext,
  type PortSetting,
  portSettings,
} from './components.ts';
import { encryptedEnvironment, keepCertificates } from './encrypt-stack.ts';
import { launchOf } from './launch-of.ts';
import { identify, type ProcessIdentity } from './process-identity.ts';
import { takeLock } from './process-lock.ts';
import { restartInTurn } from './restart-in-turn.ts';
import { ensureServer, serverFolder } from './servers/ensure-server.ts';
import type { ServerProgress } from './servers/server-context.ts';
import { servers } from './servers.ts';
import { settlePorts } from './settle-ports.ts';
import { StackFailure } from './stack-failure.ts';
import { StackRecord } from './stack-record.ts';
import { endLeftovers, readState } from './stack-state.ts';
import { standInFor } from './stand-in.ts';
import { type StackTls, stackTls, wayTo } from './ways.ts';

export type StackOptions = {
  /** Exactly these; without it what VITRINE_BACKENDS asks for. */
  only?: readonly ComponentName[];
  env?: NodeJS.ProcessEnv;
  /** Whether a component that dies is started again. */
  autoRestart?: boolean;
  onEvent?: (event: StackEvent) => void;
  signal?: AbortSignal;
};

export type StackEvent =
  | { kind: 'leftovers'; ended: ComponentName[] }
  | { kind: 'plan'; toBuild: readonly { title: string; coldBuildSeconds: number }[] }
  | { kind: 'build'; title: string; progress: ServerProgress; number: number; of: number }
  | { kind: 'state'; name: ComponentName; state: ProcessState }
  | { kind: 'note'; name: ComponentName; text: string }
  | { kind: 'trouble'; text: string }
  | { kind: 'failed'; name: ComponentName; error: Error };

const root = resolve(import.meta.dirname, '..');
const certificatesMs = 12 * 3_600_000;

/**
 * Opens a stack, starts everything and waits until everything is healthy; whatever fails ends it
 * all.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const stack = await Stack.open(options);
  try {
    await stack.up({ all: true });
    return stack;
  } catch (error) {
    await stack.close();
    throw error;
  }
}

/**
 * The components that run together with one data folder. Closing it stops them in reverse order.
 */
export class Stack implements AsyncDisposable {
  readonly names: readonly ComponentName[];
  readonly data: string;
  readonly #config: Config;
  readonly #env: NodeJS.ProcessEnv;
  readonly #options: StackOptions;
  readonly #lock: { release(): Promise<void> };
  readonly #processes = new Map<ComponentName, ComponentProcess>();
  readonly #overrides = new Map<ComponentName, NodeJS.ProcessEnv>();
  readonly #binaries = new Map<ComponentName, string>();
  readonly #rotation: NodeJS.Timeout;
  readonly #record: StackRecord;
  #certificates: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Takes the data folder, ends what a killed launcher left there, and settles every port. Nothing is
   * started yet.
   */
  static async open(options: StackOptions): Promise<Stack> {
    const wanted = readConfig(options.env ?? process.env);
    const data = resolve(root, wanted.data);
    const asked = options.env ?? process.env;
    const env = encryptsAll(wanted) ? encryptedEnvironment(wanted, asked, data) : asked;
    const given = readConfig(env);
    // The servers inherit it: what all of the stack writes is for its owner alone.
    process.umask(0o077);
    makeForOwnerAlone(data);
    const lock = await lockData(data);
    try {
      const ended = await endLeftovers(data);
      if (ended.length > 0) options.onEvent?.({ kind: 'leftovers', ended });
      if (encryptsAll(given)) await keepCertificates(data);
      const names = options.only ?? defaultComponents(given);
      const config = await settlePorts(given, names, readState(data)?.ports ?? {});
      const launcher = await identify(process.pid);
      if (launcher === undefined) throw new Error('The launcher cannot find its own start time');
      return new Stack({ options, env, config, data, names, lock, launcher });
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  private constructor(parts: {
    options: StackOptions;
    env: NodeJS.ProcessEnv;
    config: Config;
    data: string;
    names: readonly ComponentName[];
    lock: { release(): Promise<void> };
    launcher: ProcessIdentity;
  }) {
    this.#options = parts.options;
    this.#env = parts.env;
    this.#config = parts.config;
    this.#lock = parts.lock;
    this.data = parts.data;
    this.names = componentNames.filter((name) => parts.names.includes(name));
    this.#record = new StackRecord({
      data: this.data,
      launcher: parts.launcher,
      port: (setting) => this.port(setting),
      tls: () => this.#tlsOf('service'),
      describe: (name) => {
        const { restarts, restartsAsked } = this.#process(name);
        const { url: healthUrl, trust } = this.#health(name);
        return { restarts, restartsAsked, port: this.port(component(name).doors[0]), healthUrl, trust };
      },
      onTrouble: (text) => this.#options.onEvent?.({ kind: 'trouble', text }),
    });
    for (const name of this.names) {
      this.#processes.set(name, this.#processOf(name));
      this.#record.set(name, { state: 'waiting', detail: 'to be started' });
    }
    this.#rotation = setInterval(() => void this.#rotateLogs(), 30_000).unref();
    if (encryptsAll(this.#config))
      this.#certificates = setInterval(() => void this.#renewCertificates(), certificatesMs).unref();
  }

  /**
   * Starts everything: programs of this repository at once, servers as soon as they are built, the
   * Collector first. A server that cannot be built or started is reported as `failed`, and the others
   * go on; with `all`, the first failure is thrown instead.
   */
  async up({ all = false }: { all?: boolean } = {}): Promise<void> {
    const failures: unknown[] = [];
    const starting: Promise<void>[] = [];
    const begin = (name: ComponentName) => {
      const started = this.start(name).catch((error: unknown) => {
        failures.push(error);
        this.#fail(name, error as Error);
      });
      starting.push(started);
    };
    for (const name of this.names.filter((one) => component(one).server === undefined)) begin(name);
    const toBuild = this.names
      .filter((name) => component(name).server !== undefined)
      .toSorted((a, b) => buildRank(a) - buildRank(b));
    await this.#planBuilds(toBuild);
    for (const [index, name] of toBuild.entries()) {
      try {
        await this.#ensureBinary(name, index + 1, toBuild.length);
        begin(name);
      } catch (error) {
        this.#options.signal?.throwIfAborted();
        failures.push(error);
        this.#fail(name, withStandIn(name, error, this.#config));
        if (all) break;
      }
    }
    await Promise.all(starting);
    this.#options.signal?.throwIfAborted();
    this.#record.settle();
    if (all && failures.length > 0) throw failures[0];
  }

  /** Where a component is talked to. */
  url(name: ComponentName): string {
    return this.way(name).url;
  }

  /** The same, with what it takes where its port speaks TLS. */
  way(name: ComponentName): Way {
    const [door] = component(name).doors;
    return wayTo(door, this.port(door), this.#tlsOf(name));
  }

  /**
   * A port setting's port; a free one was chosen where the setting is 0, and stays the same over
   * restarts.
   */
  port(setting: PortSetting): number {
    return this.#config[setting];
  }

  /** The environment that leads to this stack: for programs that use it. */
  get env(): NodeJS.ProcessEnv {
    const ports = portSettings.map((name) => [settings[name].env, String(this.port(name))]);
    return {
      ...this.#env,
      ...Object.fromEntries(ports),
      VITRINE_DATA: this.data,
      OTEL_EXPORTER_OTLP_ENDPOINT: collectorEndpoint(this.#config),
    };
  }

  pid(name: ComponentName): number {
    const identity = this.#process(name).identity;
    if (identity === undefined) throw new Error(`${name} does not run`);
    return identity.pid;
  }

  state(name: ComponentName): ProcessState {
    return this.#process(name).state;
  }

  restarts(name: ComponentName): number {
    return this.#process(name).restarts;
  }

  logPath(name: ComponentName): string {
    return join(this.data, 'stack', 'logs', `${name}.log`);
  }

  /** Starts a component and waits until it is healthy. */
  async start(name: ComponentName): Promise<void> {
    await this.#ensureBinary(name);
    this.#refuseWhileClosing(name);
    await this.#process(name).start();
    await this.untilHealthy(name);
  }

  #refuseWhileClosing(name: ComponentName): void {
    if (this.#closing !== undefined)
      throw new StackFailure(`Cannot start ${name}: the stack is stopping; start it again.`);
  }

  async untilHealthy(name: ComponentName): Promise<void> {
    await this.#process(name).untilHealthy(this.#options.signal);
  }

  async stop(name: ComponentName): Promise<void> {
    await this.#process(name).stop();
  }

  /**
   * Sends a signal; with SIGKILL, returns when the process is gone. Only `autoRestart` brings it
   * back.
   */
  async kill(name: ComponentName, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#process(name).kill(signal);
  }

  /**
   * Restarts it; `env` joins what it was started with, from now on. A service of several processes
   * whose settings stay goes on serving meanwhile.
   */
  async restart(name: ComponentName, { env }: { env?: NodeJS.ProcessEnv } = {}): Promise<void> {
    const before = this.#overrides.get(name);
    const overrides = { ...before, ...env };
    const { identity, state } = this.#process(name);
    const isSame = isDeepStrictEqual({ ...this.#env, ...overrides }, { ...this.#env, ...before });
    if (name === 'service' && isSame && state.kind === 'healthy' && identity)
      if (await restartInTurn(this.way(name), identity)) return;
    const { parameters } = component(name);
    parameters(this.#contextOf({ ...this.#env, ...overrides })); // What cannot be used is said while the old one still runs.
    this.#overrides.set(name, overrides);
    await this.#ensureBinary(name);
    this.#refuseWhileClosing(name);
    await this.#process(name).restart();
    await this.untilHealthy(name);
  }

  /** Stops everything, the last in the table first. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    clearInterval(this.#rotation);
    clearInterval(this.#certificates);
    for (const name of this.names.toReversed()) await this.#process(name).stop();
    await this.#record.close();
    await this.#lock.release();
  }

  #process(name: ComponentName): ComponentProcess {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`${name} is not part of this stack, which has ${this.names.join(', ')}`);
    return found;
  }

  #processOf(name: ComponentName): ComponentProcess {
    const { title, health, liveness, stopMsMax } = component(name);
    return new ComponentProcess({
      title,
      logPath: this.logPath(name),
      launch: () => {
        const env = { ...this.#env, ...this.#overrides.get(name) };
        return launchOf(name, {
          context: this.#contextOf(env),
          env,
          binaries: this.#binaries.get(name),
          onNote: (text) => this.#options.onEvent?.({ kind: 'note', name, text }),
        });
      },
      health: () => this.#health(name),
      healthDeadlineMs: health.deadlineMs,
      ...(liveness === undefined ? {} : { liveness: () => withPath(this.way(name), liveness) }),
      stopMsMax: stopMsMax ?? this.#config.stopMsMax + 5_000,
      autoRestart: this.#options.autoRestart ?? false,
      onChange: (state) => this.#onChange(name, state),
    });
  }

  /** The settings of an environment; with ports and folders of this stack. */
  #contextOf(env: NodeJS.ProcessEnv): LaunchContext {
    const given: Record<string, unknown> = { ...readConfig(env), ...pick(this.#config, portSettings) };
    return { root, data: this.data, config: Object.freeze(given) as Config };
  }

  /** Finds the servers that are built, and reports those that are not. */
  async #planBuilds(names: readonly ComponentName[]): Promise<void> {
    const toBuild: { title: string; coldBuildSeconds: number }[] = [];
    for (const name of names) {
      const { server, title } = component(name);
      if (server === undefined) continue;
      const folder = await serverFolder(servers[server], { env: this.#env, root });
      if (existsSync(folder)) this.#binaries.set(name, folder);
      else toBuild.push({ title, coldBuildSeconds: coldBuildSeconds(name) });
    }
    this.#options.onEvent?.({ kind: 'plan', toBuild });
  }

  async #ensureBinary(name: ComponentName, number = 1, of = 1): Promise<void> {
    const { server } = component(name);
    if (server === undefined || this.#binaries.has(name)) return;
    const folder = await ensureServer(server, {
      env: this.#env,
      ...(this.#options.signal === undefined ? {} : { signal: this.#options.signal }),
      onProgress: (progress) => {
        if (progress.phase !== 'done') this.#record.set(name, { state: 'building', detail: progress.phase });
        this.#options.onEvent?.({ kind: 'build', title: component(name).title, progress, number, of });
      },
    });
    this.#binaries.set(name, folder);
  }

  #health(name: ComponentName): Way {
    const { door, path } = component(name).health;
    return withPath(wayTo(door, this.port(door), this.#tlsOf(name)), path);
  }

  /** As a component's settings say, which a restart may have changed. */
  #tlsOf(name: ComponentName): StackTls {
    const env = { ...this.#env, ...this.#overrides.get(name) };
    return stackTls(this.#contextOf(env).config, env);
  }

  #onChange(name: ComponentName, state: ProcessState): void {
    const detail = 'how' in state ? state.how : '';
    this.#record.set(name, { state: state.kind, detail, ...('identity' in state ? { identity: state.identity } : {}) });
    this.#options.onEvent?.({ kind: 'state', name, state });
  }

  #fail(name: ComponentName, error: Error): void {
    if (this.#process(name).identity === undefined) this.#record.set(name, { state: 'failed', detail: error.message });
    this.#options.onEvent?.({ kind: 'failed', name, error });
  }

  async #renewCertificates(): Promise<void> {
    await keepCertificates(this.data).catch((error: Error) => {
      const text = `${error.message} It is tried again in twelve hours; the certificates in ${this.data} are valid for now.`;
      this.#options.onEvent?.({ kind: 'trouble', text });
    });
  }

  async #rotateLogs(): Promise<void> {
    for (const name of this.names)
      await rotateConsoleLog(this.logPath(name)).catch((error: Error) => {
        const text = `Cannot shorten ${this.logPath(name)}: ${error.message}; it is tried again in half a minute.`;
        this.#options.onEvent?.({ kind: 'trouble', text });
      });
  }
}

function withPath({ url, trust }: Way, path: string): Way {
  return { url: `${url}${path}`, trust };
}

async function lockData(data: string): Promise<{ release(): Promise<void> }> {
  const lock = await takeLock(join(data, 'stack', 'lock'));
  if (!('owner' in lock)) return lock;
  throw new StackFailure(
    `Cannot start: a stack with the data folder ${data} runs already (pid ${lock.owner.pid}); stop it with \`vitrine down\`, or give this one another VITRINE_DATA.`,
  );
}

/** A server that cannot be built: the message names the one that can stand in. */
function withStandIn(name: ComponentName, error: unknown, config: Config): Error {
  const failure = error as Error;
  const standIn = standInFor(name, config);
  return standIn === '' ? failure : new StackFailure(`${failure.message}${standIn}`, { cause: failure });
}

/** The Collector first, whatever it costs: the others hang on its pipeline. Then the quickest. */
function buildRank(name: ComponentName): number {
  return name === 'collector' ? 0 : coldBuildSeconds(name);
}

function coldBuildSeconds(name: ComponentName): number {
  const { server } = component(name);
  return server === undefined ? 0 : servers[server].coldBuildSeconds;
}

function pick<T, K extends keyof T>(from: T, keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>;
}
