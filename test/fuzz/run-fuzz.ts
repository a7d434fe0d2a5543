import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { ifThere } from '../../src/if-there.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { OtlpReceiver } from '../../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { startReceiver } from '../receiver/receiver-process.ts';
import { type BadInput, badInput, fuzzedModels } from './bad-input.ts';
import { growthIn, type Memory } from './growth.ts';
import { readAnswers } from './read-answers.ts';

export type FuzzOptions = {
  readonly seed: number;
  /** The number of the first input: a run goes on where another ended. */
  readonly from: number;
  readonly count: number;
  /** Connections at once. */
  readonly atOnce?: number;
  /** Ends it after the thousand that are under way. */
  readonly signal?: AbortSignal;
  /** Called every thousand inputs. */
  readonly progress?: (figures: FuzzFigures) => void;
};

export type FuzzFigures = {
  /** The number of the next input. */
  readonly next: number;
  readonly sent: number;
  readonly answers: Readonly<Record<string, number>>;
  /** What must not be, with the number of the input. */
  readonly faults: readonly string[];
  readonly memoryMibPeak: number;
  /** Of each round of a thousand so far. */
  readonly memories: readonly Memory[];
  readonly longestHold: Hold;
  readonly exports: number;
};

/** The event loop's longest hold, in milliseconds of its own CPU time. */
export type Hold = {
  readonly ms: number;
  /** Those that were open then. */
  readonly inputs: readonly string[];
  /**
   * The one of them that holds it longest when it is sent alone, where the hold was longer than it
   * may be.
   */
  readonly alone?: { readonly ms: number; readonly input: string };
};

/** A machine with much else to do takes this long for a large one. */
const stuckMs = 120_000;
const quietMs = 200;
const roundInputs = 1000;
const faultsMax = 50;
/** No request may hold the loop for longer. */
const heldMsMax = 50;

/**
 * The real service and the real receiver, with telemetry into a receiver, under inputs that are
 * wrong in every way. A client without mistakes is answered all the while.
 */
export async function runFuzz({ seed, from, count, atOnce = 24, signal, progress }: FuzzOptions): Promise<FuzzFigures> {
  await using cleanUp = new AsyncDisposableStack();
  const receiver = await OtlpReceiver.start();
  cleanUp.defer(() => receiver.stop());
  const folder = cleanUp.use(await temporaryFolder());
  const models = join(folder.path, 'models');
  for (const datatype of ['FP64', ...fuzzedModels] as const) await writeModel(models, datatype, identity(datatype));
  const otlp = `http://127.0.0.1:${receiver.port}`;
  const service = cleanUp.use(await startService(settingsOf(folder.path, models, otlp)));
  const ofReceiver = cleanUp.use(
    await startReceiver({
      VITRINE_DATA: join(folder.path, 'receiver'),
      OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
      LOG_LEVEL: 'error',
      VITRINE_RECEIVER_BODY_MS_MAX: '500',
    }),
  );
  const ports = { service: Number(new URL(service.url).port), receiver: ofReceiver.port };

  const answers: Record<string, number> = {};
  const faults: string[] = [];
  const memories: Memory[] = [];
  let longestHold: Hold = { ms: 0, inputs: [] };
  let sent = 0;
  // What opening the models held it for.
  await holdOf(service);
  while (sent < count && !signal?.aborted) {
    const read = [service, ofReceiver].map(({ said }) => said().length);
    const round = Math.min(roundInputs, count - sent);
    const spans = await sendRound(ports, seed, from + sent, round, atOnce, { answers, faults });
    sent += round;
    const ended = [service, ofReceiver].find((each) => each.hasEnded());
    if (ended) {
      faults.push(`after ${from + sent} the process had ended: ${ended.said().slice(-3_000)}`);
      break;
    }
    const held = await holdOf(service);
    if (held.ms > longestHold.ms) longestHold = await whoHeld(service, ports, seed, held, spans);
    if ((longestHold.alone?.ms ?? 0) > heldMsMax)
      faults.push(`the event loop was held: ${JSON.stringify(longestHold)}`);
    for (const [at, target] of [service, ofReceiver].entries())
      for (const fault of await healthFaults(target, read[at]!)) faults.push(`after ${from + sent}: ${fault}`);
    await putRight(service);
    receiver.received.length = 0;
    memories.push(await memoryOf(service));
    // Collecting held it.
    await holdOf(service);
    progress?.(await figures());
    if (faults.length >= faultsMax) break;
  }
  if (service.hasEnded() || ofReceiver.hasEnded()) return figures();
  const growth = growthIn(memories);
  if (growth !== undefined) faults.push(growth);
  if (receiver.requests === 0) faults.push('no telemetry arrived');
  const last = await figures();
  if ((await service.kill('SIGTERM')) !== 0) faults.push('the service did not stop in order');
  await ofReceiver.kill('SIGTERM');
  return last;

  async function figures(): Promise<FuzzFigures> {
    return {
      next: from + sent,
      sent,
      answers: Object.fromEntries(Object.entries(answers).sort()),
      faults,
      memoryMibPeak: await peakMib(service),
      memories,
      longestHold,
      exports: receiver.requests,
    };
  }
}

/** Limits that are met within a run, and quotas that are not. */
function settingsOf(data: string, models: string, otlp: string): Record<string, string> {
  return {
    VITRINE_DATA: data,
    VITRINE_MODELS: models,
    OTEL_EXPORTER_OTLP_ENDPOINT: otlp,
    NODE_OPTIONS: ['../../testkit/watch-loop.ts', './watch-memory.ts']
      .map((file) => `--import=${join(import.meta.dirname, file)}`)
      .join(' '),
    // As by default: at once a second, exports took half of the event loop's time.
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
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

type Ports = Readonly<Record<BadInput['to'], number>>;
/** When an input was open. */
type Span = { readonly index: number; readonly from: number; readonly to: number };
type Found = { readonly answers: Record<string, number>; readonly faults: string[] };

async function sendRound(
  ports: Ports,
  seed: number,
  first: number,
  count: number,
  atOnce: number,
  found: Found,
): Promise<Span[]> {
  const spans: Span[] = [];
  let next = first;
  const one = async () => {
    while (next < first + count) {
      const index = next;
      next += 1;
      const input = badInput(seed, index);
      const from = Date.now();
      const fault = await sendOne(ports, input, found.answers);
      spans.push({ index, from, to: Date.now() });
      if (fault !== undefined) found.faults.push(`${index} (${input.kind}): ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  return spans;
}

/**
 * Of those that were open at the longest hold, each is sent alone: the same number may be one
 * input's doing, or that of many in one turn of the loop.
 */
async function whoHeld(
  service: ServiceProcess,
  ports: Ports,
  seed: number,
  { ms, from, to }: { ms: number; from: number; to: number },
  spans: readonly Span[],
): Promise<Hold> {
  const open = spans
    .filter((span) => span.from <= to && span.to >= from && badInput(seed, span.index).to === 'service')
    .map(({ index }) => index);
  const inputs = open.map((index) => describeInput(index, badInput(seed, index)));
  if (ms <= heldMsMax) return { ms, inputs };
  let alone: Hold['alone'];
  for (const [at, index] of open.entries()) {
    let least = Number.POSITIVE_INFINITY;
    // The least of three: a collection of garbage or an export is no input's doing.
    for (let time = 0; time < 3 && least > heldMsMax; time += 1) {
      await holdOf(service);
      await sendOne(ports, badInput(seed, index), {});
      least = Math.min(least, (await holdOf(service)).ms);
    }
    if (least > (alone?.ms ?? 0)) alone = { ms: least, input: inputs[at]! };
  }
  return { ms, inputs, ...(alone && { alone }) };
}

function describeInput(index: number, { kind, bytes }: BadInput): string {
  const line = bytes.toString('latin1', 0, Math.min(80, Math.max(0, bytes.indexOf('\r\n'))));
  return `${index} (${kind}, ${bytes.length} bytes): ${line}`;
}

/** What is wrong with what came back; undefined: nothing. */
async function sendOne(ports: Ports, input: BadInput, answers: Record<string, number>): Promise<string | undefined> {
  const received = await exchange(ports[input.to], input);
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
    // A server that refuses in the middle of a body may close before the whole body was written.
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

async function healthFaults(service: Pick<ServiceProcess, 'url' | 'said'>, read: number): Promise<string[]> {
  const faults: string[] = [];
  const live = await fetch(`${service.url}/live`);
  if (live.status !== 200) faults.push(`/live answers ${live.status}`);
  await live.arrayBuffer();
  const defect = /A defect[^\n]*(\n +at [^\n]*){0,6}/.exec(service.said().slice(read));
  if (defect) faults.push(defect[0]);
  return faults;
}

/**
 * An input may have unloaded a model or changed a setting; each that was unloaded is loaded again,
 * which has to work.
 */
async function putRight({ url }: ServiceProcess): Promise<void> {
  // The limits of time are short here: on a busy machine a good request may be late for them.
  const post = async (path: string, body: string, status = 200) => {
    let text = '';
    await waitFor(
      `${path} to be answered ${status}`,
      async () => {
        const answer = await fetch(`${url}${path}`, { method: 'POST', body });
        text = await answer.text();
        return answer.status === status;
      },
      { deadlineMs: 60_000 },
    );
    return text;
  };
  await post('/v2/logging', '{"log_verbose_level":0,"log_info":false,"log_warning":false,"log_error":true}');
  const index = await post('/v2/repository/index', '{}');
  for (const { name, state } of JSON.parse(index) as { name: string; state: string }[])
    if (state !== 'READY') await post(`/v2/repository/models/${name}/load`, '{}');
  const small = '{"inputs":[{"name":"x","datatype":"FP32","shape":[1,2],"data":[1,2]}]}';
  await post('/v2/models/FP32/infer', small);
}

async function holdOf(service: ServiceProcess): Promise<{ ms: number; from: number; to: number }> {
  const [, ms, from, to] = await told(service, 'SIGUSR2', /event loop held for ([\d.]+) ms from (\d+) to (\d+)\n/g);
  return { ms: Number(ms), from: Number(from), to: Number(to) };
}

async function memoryOf(service: ServiceProcess): Promise<Memory> {
  const [, json] = await told(service, 'SIGWINCH', /memory is made of (\{.*\})\n/g);
  const { rss, heapUsed, external } = JSON.parse(json!) as NodeJS.MemoryUsage;
  const mib = (bytes: number) => Math.round(bytes / 2 ** 20);
  return { liveMib: mib(heapUsed + external), residentMib: mib(rss) };
}

/** What the service says on its console after the signal. */
async function told(service: ServiceProcess, signal: NodeJS.Signals, what: RegExp): Promise<RegExpExecArray> {
  const said = () => [...service.said().matchAll(what)];
  const before = said().length;
  process.kill(service.pid, signal);
  await waitFor(`the service to answer ${signal}`, () => said().length > before, { deadlineMs: 60_000 });
  return said().at(-1)!;
}

async function peakMib({ pid }: ServiceProcess): Promise<number> {
  const status = (await ifThere(readFile(`/proc/${pid}/status`, 'utf8'))) ?? '';
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024);
}
