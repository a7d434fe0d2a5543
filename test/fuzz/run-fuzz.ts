import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { identity, writeModel } from '../fixtures/models/models.ts';
import { OtlpReceiver } from '../support/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { waitFor } from '../support/wait-for.ts';
import { type BadInput, badInput, fuzzedModels } from './bad-input.ts';
import { readAnswers } from './read-answers.ts';

export type FuzzOptions = {
  readonly seed: number;
  /** The number of the first input: a run goes on where another ended. */
  readonly from: number;
  readonly count: number;
  /** Connections at once. */
  readonly atOnce?: number;
  /** Told every thousand inputs. */
  readonly progress?: (figures: FuzzFigures) => void;
};

export type FuzzFigures = {
  /** The number of the next input. */
  readonly next: number;
  readonly sent: number;
  readonly answers: Readonly<Record<string, number>>;
  /** What must not be, with the number of the input. */
  readonly faults: readonly string[];
  readonly memoryMib: number;
  readonly memoryMibPeak: number;
  /** After the first tenth, when caches are full. */
  readonly memoryMibEarly: number;
  /** The event loop's longest hold, in milliseconds of its own CPU time. */
  readonly heldMsMax: number;
  readonly exports: number;
};

/** A machine with much else to do takes this long for a large one. */
const stuckMs = 120_000;
const quietMs = 200;
const roundInputs = 1000;
const faultsMax = 50;

/** The real service, with telemetry into a receiver, under inputs that are wrong in every way. Whoever does everything right is answered all the while. */
export async function runFuzz({ seed, from, count, atOnce = 24, progress }: FuzzOptions): Promise<FuzzFigures> {
  await using cleanUp = new AsyncDisposableStack();
  const receiver = await OtlpReceiver.start();
  cleanUp.defer(() => receiver.stop());
  const folder = cleanUp.use(await temporaryFolder());
  const models = join(folder.path, 'models');
  for (const datatype of ['FP64', ...fuzzedModels] as const) await writeModel(models, datatype, identity(datatype));
  const service = cleanUp.use(await startService(settingsOf(folder.path, models, receiver.port)));

  const answers: Record<string, number> = {};
  const faults: string[] = [];
  let memoryMibEarly = 0;
  let heldMsMax = 0;
  let sent = 0;
  // What opening the models held it for.
  await heldMs(service);
  while (sent < count) {
    const read = service.said().length;
    const round = Math.min(roundInputs, count - sent);
    await sendRound(service, seed, from + sent, round, atOnce, { answers, faults });
    sent += round;
    heldMsMax = Math.max(heldMsMax, await heldMs(service));
    for (const fault of await healthFaults(service, read)) faults.push(`after ${from + sent}: ${fault}`);
    await putRight(service);
    receiver.received.length = 0;
    if (memoryMibEarly === 0 && sent >= count / 10) memoryMibEarly = await memoryMib(service, 'VmRSS');
    progress?.(await figures());
    if (faults.length >= faultsMax) break;
  }
  if (receiver.requests === 0) faults.push('no telemetry arrived');
  const last = await figures();
  if ((await service.kill('SIGTERM')) !== 0) faults.push('the service did not stop in order');
  return last;

  async function figures(): Promise<FuzzFigures> {
    return {
      next: from + sent,
      sent,
      answers: Object.fromEntries(Object.entries(answers).sort()),
      faults,
      memoryMib: await memoryMib(service, 'VmRSS'),
      memoryMibPeak: await memoryMib(service, 'VmHWM'),
      memoryMibEarly,
      heldMsMax,
      exports: receiver.requests,
    };
  }
}

/** Limits that are met within a run, and quotas that are not. */
function settingsOf(data: string, models: string, otlpPort: number): Record<string, string> {
  return {
    VITRINE_DATA: data,
    VITRINE_MODELS: models,
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${otlpPort}`,
    NODE_OPTIONS: `--import=${join(import.meta.dirname, '../support/watch-loop.ts')}`,
    LOG_LEVEL: 'error',
    VITRINE_BODY_BYTES_MAX: String(2 ** 23),
    VITRINE_BODY_IDLE_MS_MAX: '400',
    VITRINE_HEADERS_MS_MAX: '500',
    VITRINE_INFER_PER_MINUTE_MAX: '1000000000',
    VITRINE_TASKS_PER_MINUTE_MAX: '1000000000',
    VITRINE_PROXY_PER_MINUTE_MAX: '1000000000',
    VITRINE_GENERATE_SECONDS_MAX: '2',
    VITRINE_JOBS_MAX: '100',
    VITRINE_JOB_RESULT_AGE_MS_MAX: '1000',
  };
}

type Found = { readonly answers: Record<string, number>; readonly faults: string[] };

async function sendRound(
  service: ServiceProcess,
  seed: number,
  first: number,
  count: number,
  atOnce: number,
  found: Found,
) {
  const port = Number(new URL(service.url).port);
  let next = first;
  const one = async () => {
    while (next < first + count) {
      const index = next;
      next += 1;
      const input = badInput(seed, index);
      const fault = await sendOne(port, input, found.answers);
      if (fault !== undefined) found.faults.push(`${index} (${input.kind}): ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

/** What is wrong with what came back; undefined: nothing. */
async function sendOne(port: number, input: BadInput, answers: Record<string, number>): Promise<string | undefined> {
  const received = await exchange(port, input);
  if (received === undefined) {
    answers.stuck = (answers.stuck ?? 0) + 1;
    return `the connection was still open after ${stuckMs} ms`;
  }
  if (input.brokenOffAt !== undefined) {
    answers['broken off'] = (answers['broken off'] ?? 0) + 1;
    return undefined;
  }
  const { statuses, fault } = readAnswers(received);
  for (const status of statuses) answers[status] = (answers[status] ?? 0) + 1;
  if (statuses.length === 0) answers.none = (answers.none ?? 0) + 1;
  return fault;
}

/** All that came until the connection was closed; undefined where it never was. */
function exchange(port: number, { bytes, brokenOffAt }: BadInput): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const overtime = setTimeout(() => {
      resolve(undefined);
      socket.destroy();
    }, stuckMs);
    let quiet: NodeJS.Timeout | undefined;
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      // Ended before it, the caller would be taken for gone, and nothing be answered.
      clearTimeout(quiet);
      quiet = setTimeout(() => socket.end(), quietMs);
    });
    // A server that refuses in the middle of a body may close before all of it was written.
    socket.on('error', () => undefined);
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(overtime);
      clearTimeout(quiet);
      resolve(Buffer.concat(chunks));
    });
    if (brokenOffAt === undefined) socket.write(bytes);
    else socket.write(bytes.subarray(0, brokenOffAt), () => socket.destroy());
  });
}

async function healthFaults(service: ServiceProcess, read: number): Promise<string[]> {
  const faults: string[] = [];
  const live = await fetch(`${service.url}/live`);
  if (live.status !== 200) faults.push(`/live answers ${live.status}`);
  await live.arrayBuffer();
  const defect = /A defect[^\n]*(\n +at [^\n]*){0,6}/.exec(service.said().slice(read));
  if (defect) faults.push(defect[0]);
  return faults;
}

/** An input may have unloaded a model or changed a setting; each that was unloaded is loaded again, which has to work. */
async function putRight({ url }: ServiceProcess): Promise<void> {
  const post = async (path: string, body: string) => {
    const answer = await fetch(`${url}${path}`, { method: 'POST', body });
    return { status: answer.status, text: await answer.text() };
  };
  await post('/v2/logging', '{"log_verbose_level":0,"log_info":false,"log_warning":false,"log_error":true}');
  const { text } = await post('/v2/repository/index', '{}');
  for (const { name, state } of JSON.parse(text) as { name: string; state: string }[])
    if (state !== 'READY') await post(`/v2/repository/models/${name}/load`, '{}');
  const small = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}';
  const answer = await post('/v2/models/FP32/infer', small);
  if (answer.status !== 200) throw new Error(`A good request was answered ${answer.status} ${answer.text}`);
}

async function heldMs(service: ServiceProcess): Promise<number> {
  const said = () => service.said().match(/event loop held for [\d.]+/g) ?? [];
  const before = said().length;
  process.kill(service.pid, 'SIGUSR2');
  await waitFor('the service to say how long its event loop was held', () => said().length > before);
  return Number(said().at(-1)!.split(' ').at(-1));
}

async function memoryMib({ pid }: ServiceProcess, figure: 'VmRSS' | 'VmHWM'): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(new RegExp(`${figure}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}
