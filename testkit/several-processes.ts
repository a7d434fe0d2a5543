import { Agent, request } from 'node:http';
import { request as requestSecure } from 'node:https';
import { askJson } from './ask-json.ts';
import { perceptron, writeModel } from './models/models.ts';
import { type ServiceProcess, startService } from './service-process.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { waitFor } from './wait-for.ts';

/** One of the processes of a service, as /health/detailed lists it. */
export type Standing = {
  process: number;
  state: string;
  pid: number | null;
  instance: string | null;
  started_at: string;
  restarts: number;
  requests_in_flight: number;
  connections: number;
};

export type SeveralProcesses = AsyncDisposable & {
  service: ServiceProcess;
  data: string;
  models: string;
  url: string;
  standings(): Promise<Standing[]>;
  /** Waits until all processes are ready, and one is whatever `isSo` asks for besides. */
  ready(isSo?: (standings: readonly Standing[]) => boolean): Promise<Standing[]>;
};

/** The real service with several processes and one small model. */
export async function startSeveral(
  count: number,
  env: Record<string, string> = {},
  { data: given, headers = {}, ca }: { data?: string; headers?: Record<string, string>; ca?: Buffer } = {},
): Promise<SeveralProcesses> {
  const folder = await temporaryFolder();
  const models = env.VITRINE_MODELS ?? `${folder.path}/models`;
  if (env.VITRINE_MODELS === undefined) await writeModel(models, 'small', perceptron());
  const data = given ?? `${folder.path}/data`;
  const service = await startService(
    {
      VITRINE_DATA: data,
      VITRINE_MODELS: models,
      VITRINE_PROCESSES: String(count),
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9',
      ...env,
    },
    { deadlineMs: 300_000, ca },
  );
  const { url } = service;
  const standings = async () => {
    const answer = (await askJson(`${url}/health/detailed`, { headers, ...(ca && { ca }) })) as {
      processes?: Standing[];
    };
    return answer.processes ?? [];
  };
  const ready = (isSo: (standings: readonly Standing[]) => boolean = () => true) =>
    waitFor(
      `all ${count} processes to be ready`,
      async () => {
        const found = await standings();
        return found.length === count && found.every(({ state }) => state === 'ready') && isSo(found) && found;
      },
      { deadlineMs: 300_000 },
    );
  if (count > 1) await ready();
  return {
    service,
    data,
    models,
    url,
    standings,
    ready,
    [Symbol.asyncDispose]: async () => {
      // In order: no process must outlive the test.
      if (!service.hasEnded()) await service.kill('SIGTERM');
      await service[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}

export type Outcome = { status: number; body: string } | { error: string };

export type Sending = {
  method?: string;
  body?: string | Buffer;
  headers?: Record<string, string>;
  agent?: Agent | false;
  /** Of an https address. */
  tls?: { ca?: Buffer; cert?: Buffer; key?: Buffer };
};

/** One request over a connection of its own, or of the agent. */
export function send(
  url: string,
  { method = 'GET', body, headers = {}, agent = false, tls = {} }: Sending = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { method, agent, headers: { 'Content-Type': 'application/json', ...headers } };
    const asked = url.startsWith('https:') ? requestSecure(url, { ...options, ...tls }) : request(url, options);
    asked.once('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
    asked.once('response', (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part) => (text += part));
      answer.once('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    asked.end(body);
  });
}

const row = JSON.stringify({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 64], data: Array.from({ length: 64 }, (_, at) => at / 64) }],
});

export function infer(url: string, options: Pick<Sending, 'headers' | 'agent' | 'tls'> = {}) {
  return send(`${url}/v2/models/small/infer`, { method: 'POST', body: row, ...options });
}

/** Callers who each send one inference after the other over a connection that they keep. */
export class SteadyCallers implements AsyncDisposable {
  answered = 0;
  readonly failed: string[] = [];
  readonly #agents: Agent[] = [];
  readonly #callers: Promise<void>[];
  #over = false;

  constructor(url: string, count: number, options: { headers?: Record<string, string> } = {}) {
    this.#callers = Array.from({ length: count }, () => this.#call(url, options));
  }

  /** Comes back when so many more have been answered. */
  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    await waitFor(`${count} more answers`, () => this.answered >= goal, { deadlineMs: 300_000, everyMs: 10 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    await Promise.all(this.#callers);
    for (const agent of this.#agents) agent.destroy();
  }

  async #call(url: string, { headers }: { headers?: Record<string, string> }): Promise<void> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#agents.push(agent);
    while (!this.#over) {
      const outcome = await infer(url, { agent, ...(headers && { headers }) });
      if ('status' in outcome && outcome.status === 200) this.answered += 1;
      else this.failed.push('error' in outcome ? outcome.error : `${outcome.status} ${outcome.body.slice(0, 200)}`);
    }
  }
}

/** A kept connection to each of the processes, by its number. */
export async function connectionToEach(several: SeveralProcesses, count: number): Promise<ReadonlyMap<number, Agent>> {
  const found = new Map<number, Agent>();
  // Kept to the end: the process with the fewest connections gets the next one.
  const spare: Agent[] = [];
  await waitFor(
    `a connection to each of ${count} processes`,
    async () => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const outcome = await send(`${several.url}/health/detailed`, { agent });
      const number = 'status' in outcome ? (JSON.parse(outcome.body) as { process: number }).process : 0;
      if (number === 0 || found.has(number)) spare.push(agent);
      else found.set(number, agent);
      return found.size === count;
    },
    { everyMs: 10, deadlineMs: 300_000 },
  );
  for (const agent of spare) agent.destroy();
  return found;
}
