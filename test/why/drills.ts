import assert from 'node:assert/strict';
import { mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { whyAnswer } from '../../src/api/requests/why-answer.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeDrillModels } from './drill-models.ts';

type Why = ReturnType<typeof whyAnswer>;

/** A request to be slowed down: a model, its body, and how its client behaves. */
export type Victim = {
  readonly model: string;
  readonly body: Buffer;
  readonly headers?: Record<string, string>;
  /** The client connects at once, and sends when this is over. */
  readonly sendsAfter?: Promise<void>;
  /** The client holds back the second half of its body for so long. */
  readonly sendsAfterMs?: number;
  /** The client reads nothing of the answer for so long. */
  readonly readsAfterMs?: number;
};

/** A real service with models that can be slowed down, and the means to do it. */
export class DrilledService implements AsyncDisposable {
  readonly #service: ServiceProcess;
  readonly #folder: AsyncDisposable;
  readonly #socket: string;
  readonly #cgroup: string | undefined;
  #requests = 0;

  private constructor(parts: {
    service: ServiceProcess;
    folder: AsyncDisposable;
    socket: string;
    cgroup: string | undefined;
  }) {
    this.#service = parts.service;
    this.#folder = parts.folder;
    this.#socket = parts.socket;
    this.#cgroup = parts.cgroup;
  }

  static async start(): Promise<DrilledService> {
    const folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeDrillModels(models);
    const socket = join(folder.path, 'socket');
    const cgroup = await makeCpuCgroup();
    const enter = [...(cgroup ? ['/bin/sh', '-c', 'echo $$ > "$0" && exec "$@"', join(cgroup, 'cgroup.procs')] : [])];
    const service = await startService(
      {
        VITRINE_DATA: join(folder.path, 'data'),
        VITRINE_MODELS: models,
        VITRINE_TRACE_FIRST_PER_SECOND: '0',
        // Nothing listens there: all stays in the spool.
        OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
        VITRINE_TEST_SOCKET: socket,
        NODE_OPTIONS: `--import ${join(import.meta.dirname, 'injure-process.ts')}`,
      },
      { within: { enter } },
    );
    return new DrilledService({ service, folder, socket, cgroup });
  }

  get pid(): number {
    return this.#service.pid;
  }

  get canThrottle(): boolean {
    return this.#cgroup !== undefined;
  }

  /** Sends it again and again until it is found in flight: its run began in that turn. */
  async caughtInFlight(victim: Victim): Promise<{ readonly id: Promise<string> }> {
    return waitFor(`${victim.model} in flight`, async () => {
      let isOver = false;
      const id = this.send(victim).finally(() => {
        isOver = true;
      });
      while (!isOver) if ((await this.#inFlight()) > 0 && !isOver) return { id };
      await id;
      return undefined;
    });
  }

  async #inFlight(): Promise<number> {
    const answer = await fetch(`${this.#service.url}/health/detailed`);
    return ((await answer.json()) as { requests_in_flight: number }).requests_in_flight;
  }

  /** The service has answered something: it has accepted who connected before. */
  async turn(): Promise<void> {
    await (await fetch(`${this.#service.url}/health/detailed`)).text();
  }

  /** The process ids of lanes that are processes. */
  async laneProcesses(): Promise<number[]> {
    const children = await readFile(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8');
    const ids = children.trim().split(/\s+/).filter(Boolean).map(Number);
    const lines = await Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
    return ids.filter((_, at) => lines[at]!.includes('lane-program'));
  }

  /** Holds the main thread of the service, or has it collect garbage: resolves when that is over. */
  injure(what: 'hold' | 'collect' | 'fill' | 'empty', ms = 0): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const connection = connect(this.#socket, () => connection.write(`${what} ${ms}\n`));
    connection.on('data', () => {
      connection.end();
      resolve();
    });
    connection.on('error', reject);
    return promise;
  }

  /** Stops a process for so long. */
  async stopFor(pid: number, ms: number): Promise<void> {
    process.kill(pid, 'SIGSTOP');
    try {
      await pause(ms);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  }

  /** So much of a core for the whole service, in percent; undefined: all it wants. */
  async limitCpu(percent: number | undefined): Promise<void> {
    assert.ok(this.#cgroup);
    const file = join(this.#cgroup, 'cpu.cfs_quota_us');
    await writeFile(file, percent === undefined ? '-1' : String(percent * 1000));
  }

  async reload(model: string): Promise<void> {
    const answer = await fetch(`${this.#service.url}/v2/repository/models/${model}/load`, {
      method: 'POST',
      body: '{}',
    });
    assert.equal(answer.status, 200, await answer.text());
  }

  /** Sends a request as its client would; answers its id when the answer was read. */
  async send(victim: Victim): Promise<string> {
    this.#requests += 1;
    const id = `drill-${this.#requests}`;
    const { model, body, headers = {}, sendsAfterMs = 0, readsAfterMs = 0 } = victim;
    const { hostname, port } = new URL(this.#service.url);
    const socket = connect({ host: hostname, port: Number(port) });
    const lines = Object.entries({
      host: hostname,
      connection: 'close',
      'content-length': String(body.length),
      'x-request-id': id,
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    await victim.sendsAfter;
    socket.write(`POST /v2/models/${model}/infer HTTP/1.1\r\n${lines.join('')}\r\n`);
    const half = sendsAfterMs > 0 ? Math.floor(body.length / 2) : body.length;
    socket.write(body.subarray(0, half));
    if (sendsAfterMs > 0) {
      await pause(sendsAfterMs);
      socket.write(body.subarray(half));
    }
    if (readsAfterMs > 0) await pause(readsAfterMs);
    let head = '';
    for await (const chunk of socket)
      if (head.length < 64) head += (chunk as Buffer).subarray(0, 64).toString('latin1');
    assert.match(head, /^HTTP\/1\.1 200/, `${model}: ${head}`);
    return id;
  }

  why(id: string): Promise<Why> {
    return waitFor(`why ${id}`, async () => {
      const answer = await fetch(`${this.#service.url}/v1/requests/${id}/why`);
      const text = await answer.text();
      return answer.ok && (JSON.parse(text) as Why);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#service[Symbol.asyncDispose]();
    const cgroup = this.#cgroup;
    if (cgroup !== undefined)
      await waitFor('the cgroup to be removed', async () => {
        await rmdir(cgroup);
        return true;
      });
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Of the first version of cgroups; undefined where none can be made. */
async function makeCpuCgroup(): Promise<string | undefined> {
  const path = `/sys/fs/cgroup/cpu/vitrine-why-${process.pid}`;
  try {
    await mkdir(path);
    await writeFile(join(path, 'cpu.cfs_period_us'), '100000');
    // Whatever else the machine does is a cause of its own: the drill is to have the CPU.
    await writeFile(join(path, 'cpu.shares'), '262144');
    return path;
  } catch {
    return undefined;
  }
}
