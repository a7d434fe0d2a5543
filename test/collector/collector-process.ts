import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parse, stringify } from 'yaml';
import { choosePort } from '../../launcher/free-port.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import type { JsonObject, Signal } from './otlp-json.ts';

export const checkout = resolve(import.meta.dirname, '../..');
export const baseFile = join(checkout, 'otel-collector/config.yaml');
export const backendFile = (name: string): string => join(checkout, 'otel-collector/backends', `${name}.yaml`);

/**
 * The real Collector with the files given, in a folder of its own that keeps over restarts and goes
 * with `close`.
 */
export class CollectorProcess implements AsyncDisposable {
  readonly data: string;
  readonly grpcPort: number;
  readonly httpPort: number;
  readonly url: string;
  readonly #files: readonly string[];
  readonly #env: Record<string, string>;
  #child: ChildProcess | undefined;

  private constructor(data: string, files: readonly string[], env: Record<string, string>) {
    this.data = data;
    this.#files = files;
    this.#env = env;
    this.grpcPort = Number(env.VITRINE_OTLP_GRPC_PORT);
    this.httpPort = Number(env.VITRINE_OTLP_HTTP_PORT);
    this.url = `http://127.0.0.1:${this.httpPort}`;
  }

  /** Ready to start, its ports settled. */
  static async prepare(files: readonly string[], env: Record<string, string> = {}): Promise<CollectorProcess> {
    const data = await mkdtemp(join(tmpdir(), 'vitrine-collector-'));
    const taken = new Set<number>();
    const ports: Record<string, string> = {};
    for (const name of ['OTLP_GRPC', 'OTLP_HTTP', 'COLLECTOR_HEALTH', 'COLLECTOR_METRICS', 'COLLECTOR_RELAY']) {
      const port = await choosePort('127.0.0.1', taken);
      taken.add(port);
      ports[`VITRINE_${name}_PORT`] = String(port);
    }
    return new CollectorProcess(data, files, {
      VITRINE_DATA: data,
      VITRINE_COLLECTOR_FLUSH_MS: '500',
      ...ports,
      ...env,
    });
  }

  /** config.yaml and a backend of the test's: every signal ends in a file, read with `received`. */
  static async intoFiles(files: readonly string[] = [baseFile], env: Record<string, string> = {}) {
    const collector = await CollectorProcess.prepare([...files, 'files.yaml'], env);
    await writeFile(join(collector.data, 'files.yaml'), stringify(await fileBackend(collector.data)));
    await collector.start();
    return collector;
  }

  /**
   * A Collector that is nothing but a store: OTLP in, at Prometheus' and Loki's paths over HTTP,
   * files out. Not started.
   */
  static async sink(files: readonly string[] = [], env: Record<string, string> = {}): Promise<CollectorProcess> {
    const collector = await CollectorProcess.prepare(['sink.yaml', ...files], env);
    await writeFile(join(collector.data, 'sink.yaml'), stringify(sink(collector)));
    return collector;
  }

  /** `otherwise`: what this start finds in its environment in the place of the usual. */
  async start(otherwise: Record<string, string> = {}): Promise<void> {
    const program = join(await ensureServer('collector'), 'otelcol');
    const log = openSync(join(this.data, 'console.log'), 'a');
    const child = spawn(
      program,
      this.#files.map((file) => `--config=${file}`),
      { cwd: this.data, env: { PATH: process.env.PATH, ...this.#env, ...otherwise }, stdio: ['ignore', log, log] },
    );
    this.#child = child;
    await waitFor('the Collector to be healthy', async () => {
      if (child.exitCode !== null)
        throw new Error(`It ended with ${child.exitCode}: ${(await this.console()).trim().split('\n').at(-1)}`);
      return (await fetch(`http://127.0.0.1:${this.#env.VITRINE_COLLECTOR_HEALTH_PORT}/`)).ok;
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }

  console(): Promise<string> {
    return readFile(join(this.data, 'console.log'), 'utf8');
  }

  /**
   * What has been written so far, in OTLP's JSON form, one object for each batch; by signal, or as
   * that backend would get it.
   */
  async received(file: Signal | keyof typeof shapers): Promise<JsonObject[]> {
    const text = await readFile(join(this.data, `${file}.jsonl`), 'utf8').catch(() => '');
    // The last line may still be in the making.
    return text
      .slice(0, text.lastIndexOf('\n') + 1)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as JsonObject);
  }

  /** The Collector's own metrics, one line each. */
  async ownMetrics(): Promise<string[]> {
    const answer = await fetch(`http://127.0.0.1:${this.#env.VITRINE_COLLECTOR_METRICS_PORT}/metrics`);
    return (await answer.text()).split('\n').filter((line) => !line.startsWith('#'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL');
    await rm(this.data, { recursive: true, force: true });
  }
}

const signals = ['traces', 'metrics', 'logs'] as const;

/** Backends that shape their data before they send it. */
const shapers = { prometheus: 'metrics', loki: 'logs' } as const;

/**
 * Ends every forward in a file, and once more behind the processors of the backends that have some.
 */
async function fileBackend(folder: string) {
  const backend = {
    exporters: fileExporters(folder, [...signals, 'prometheus', 'loki']),
    processors: {},
    service: {
      pipelines: Object.fromEntries(
        signals.map((signal) => [
          `${signal}/test`,
          { receivers: [`forward/${signal}`], exporters: [`file/${signal}`] },
        ]),
      ) as Record<string, object>,
    },
  };
  for (const [name, signal] of Object.entries(shapers)) {
    const file = parse(await readFile(backendFile(name), 'utf8')) as {
      processors: object;
      service: { pipelines: Record<string, object> };
    };
    Object.assign(backend.processors, file.processors);
    const pipeline = `${signal}/${name}`;
    backend.service.pipelines[pipeline] = { ...file.service.pipelines[pipeline], exporters: [`file/${name}`] };
  }
  return backend;
}

function sink(collector: CollectorProcess) {
  const address = (setting: string) => `127.0.0.1:\${env:VITRINE_${setting}_PORT}`;
  return {
    receivers: {
      otlp: {
        protocols: {
          grpc: { endpoint: address('OTLP_GRPC') },
          http: {
            endpoint: address('OTLP_HTTP'),
            metrics_url_path: '/api/v1/otlp/v1/metrics',
            logs_url_path: '/otlp/v1/logs',
          },
        },
      },
    },
    exporters: fileExporters(collector.data, signals),
    extensions: {
      healthcheckv2: { use_v2: true, http: { endpoint: address('COLLECTOR_HEALTH'), status: { path: '/' } } },
    },
    service: {
      extensions: ['healthcheckv2'],
      telemetry: { metrics: { level: 'none' } },
      pipelines: Object.fromEntries(
        signals.map((signal) => [signal, { receivers: ['otlp'], exporters: [`file/${signal}`] }]),
      ),
    },
  };
}

function fileExporters(folder: string, names: readonly string[]) {
  return Object.fromEntries(
    // Appended to: a restarted sink keeps what it had.
    names.map((name) => [`file/${name}`, { path: join(folder, `${name}.jsonl`), append: true }]),
  );
}
