import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { perceptron, slowInBatches, writeModel } from '../testkit/models/models.ts';
import { OtlpReceiver } from '../testkit/otlp-receiver.ts';
import { type ServiceProcess, startService } from '../testkit/service-process.ts';
import { startStack } from '../testkit/stack.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { waitFor } from '../testkit/wait-for.ts';
import { cpuPerRequest, cpuTimeOf, stolenPercentSince, stolenSeconds } from './cpu-time.ts';
import { listOption, numberOption, option } from './option.ts';
import { binaryShot } from './shots.ts';
import { calmest, medianWithInterval, rotated } from './statistics.ts';
import { load, type Shot } from './wrk.ts';

// What seeing costs: the service against itself with OTEL_SDK_DISABLED=true. Both run all the time,
// the load goes from one to the other, so a slow minute of the machine hits both; CPU time a
// request is compared within each round, throughput beside it. The Collector is the real one.
// Usage: node bench/overhead.ts [--rounds 10] [--calmest 10] [--processes 1] [--seconds 3] [--warm-up 30] [--connections 16,64] [--names 1000000] [--only small,every-trace,5-ms,5-ms-shared,collector,names]

const options = {
  rounds: numberOption('rounds', 10),
  // So many of them are counted.
  calmest: numberOption('calmest', numberOption('rounds', 10)),
  // Of each arm; two of the same code differ by a tenth, from their start to their end.
  processes: numberOption('processes', 1),
  seconds: numberOption('seconds', 3),
  // The arm with telemetry has more code, which V8 goes on compiling for half a minute.
  warmUpSeconds: numberOption('warm-up', 30),
  connections: option('connections', '16,64').split(',').map(Number),
  names: numberOption('names', 1_000_000),
  only: listOption('only'),
};
// What has a limit is full after so many names, and the code has been compiled.
const warmUpNames = 20_000;
const statusLine = 'HTTP/1.1 ';
await using folder = await temporaryFolder();
const models = join(folder.path, 'models');
await writeModel(models, 'perceptron', perceptron());
// About 5 ms a run on a core of its own: for each request, and for eight that share one.
await writeModel(models, 'five_ms', slowInBatches(25), { manifest: { batching: { rows_max: 1 } } });
await writeModel(models, 'five_ms_shared', slowInBatches(25), { manifest: { batching: { rows_max: 8 } } });
// The code that a run of 5 ms takes, asked fast: V8 compiles by the number of calls, and at 140 a
// second that takes a quarter of an hour.
await writeModel(models, 'in_lanes', perceptron(), {
  manifest: { lanes: { shortcut: false }, batching: { rows_max: 1 } },
});
await using stack = await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'file' } });
const collector = `http://127.0.0.1:${stack.port('otlpGrpcPort')}`;

const inLanes = { model: 'in_lanes', shot: binaryShot(64) };
const settleSeconds = 3;

const off = { OTEL_SDK_DISABLED: 'true' };
const on = { OTEL_EXPORTER_OTLP_ENDPOINT: collector };
const everyTrace = { ...on, VITRINE_TRACE_FIRST_PER_SECOND: '100000', VITRINE_TELEMETRY_MEMORY_ITEMS_MAX: '200000' };

const parts: Record<string, () => Promise<void>> = {
  small: () => compare('perceptron', binaryShot(64), { off, on }),
  'every-trace': async () => {
    await compare('perceptron', binaryShot(64), { off, on: everyTrace });
    await highestRateWithoutLoss();
  },
  '5-ms': () => compare('five_ms', binaryShot(4), { off, on }, inLanes),
  '5-ms-shared': () => compare('five_ms_shared', binaryShot(4), { off, on }, inLanes),
  collector: compareCollectors,
  names: manyNames,
};
for (const [name, part] of Object.entries(parts)) {
  if (options.only.length > 0 && !options.only.includes(name)) continue;
  console.log(`\n## ${name}\n`);
  await part();
}

type Arms = Readonly<Record<string, Record<string, string>>>;
type Round = {
  requestsPerSecond: number;
  failed: number;
  main: number;
  lanes: number;
  others: number;
  all: number;
  stolenPercent: number;
};

/**
 * Every arm against the first. `faster`: takes the same code, and is asked in the place of a slow
 * model until that is compiled.
 */
async function compare(
  model: string,
  shot: Shot,
  arms: Arms,
  faster?: { readonly model: string; readonly shot: Shot },
): Promise<void> {
  const services: { name: string; service: ServiceProcess }[] = [];
  try {
    for (let each = 0; each < options.processes; each += 1)
      for (const [name, env] of Object.entries(arms)) services.push(await arm(name, env));
    for (const connections of options.connections) {
      const rounds = new Map(Object.keys(arms).map((name) => [name, [] as Round[]]));
      for (const { service } of services) {
        const seconds = options.warmUpSeconds;
        if (faster) await load(urlOf(service, faster.model), faster.shot, { connections, seconds });
        await load(urlOf(service, model), shot, { connections, seconds: faster ? settleSeconds : seconds });
      }
      for (let round = 0; round < options.rounds; round += 1) {
        const slices = new Map(Object.keys(arms).map((name) => [name, [] as Round[]]));
        for (const { name, service } of rotated(services, round))
          slices.get(name)!.push(await slice(service, model, shot, connections));
        for (const [name, mine] of slices) rounds.get(name)!.push(together(mine));
      }
      print(connections, rounds);
    }
  } finally {
    await Promise.all(services.map(({ service }) => service[Symbol.asyncDispose]()));
  }
}

async function arm(name: string, env: Record<string, string>) {
  const data = join(folder.path, `${name}-${Math.random().toString(36).slice(2)}`);
  const service = await startService({
    VITRINE_MODELS: models,
    VITRINE_DATA: data,
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
    ...env,
  });
  return { name, service };
}

async function slice(service: ServiceProcess, model: string, shot: Shot, connections: number): Promise<Round> {
  const { seconds } = options;
  const stolenBefore = stolenSeconds();
  const before = cpuTimeOf(service.pid);
  const { requests, requestsPerSecond, failed } = await load(urlOf(service, model), shot, { connections, seconds });
  const cpu = cpuPerRequest(before, cpuTimeOf(service.pid), requests);
  return { requestsPerSecond, failed, stolenPercent: stolenPercentSince(stolenBefore, seconds), ...cpu };
}

/** The processes of one arm: their mean, and the worst of what was stolen. */
function together(slices: readonly Round[]): Round {
  const mean = (of: (slice: Round) => number) => slices.reduce((sum, each) => sum + of(each), 0) / slices.length;
  return {
    requestsPerSecond: mean(({ requestsPerSecond }) => requestsPerSecond),
    failed: slices.reduce((sum, { failed }) => sum + failed, 0),
    main: mean(({ main }) => main),
    lanes: mean(({ lanes }) => lanes),
    others: mean(({ others }) => others),
    all: mean(({ all }) => all),
    stolenPercent: Math.max(...slices.map(({ stolenPercent }) => stolenPercent)),
  };
}

function print(connections: number, all: ReadonlyMap<string, readonly Round[]>): void {
  const rounds = calmest(all, options.calmest);
  const [first = []] = rounds.values();
  const worst = Math.max(...[...rounds.values()].flat().map(({ stolenPercent }) => stolenPercent));
  console.log(
    `${connections} connections, ${options.processes} processes of each arm, the ${first.length} calmest of ${options.rounds} rounds of ${options.seconds} s each (at most ${worst.toFixed(1)} % stolen); medians, in brackets where 95 of 100 resamples have them\n`,
  );
  console.log(
    '| arm | CPU µs a request: all | main | lanes | others | first ÷ it, CPU | requests a second | it ÷ first, throughput | failed |',
  );
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const [name, mine] of rounds) {
    const of = (value: (round: Round, at: number) => number, digits: number) => {
      const { median, from, to } = medianWithInterval(mine.map(value));
      return `${median.toFixed(digits)} (${from.toFixed(digits)}–${to.toFixed(digits)})`;
    };
    const cells = [
      of(({ all }) => all, 1),
      of(({ main }) => main, 1),
      of(({ lanes }) => lanes, 1),
      of(({ others }) => others, 1),
      of(({ all }, at) => first[at]!.all / all, 3),
      of(({ requestsPerSecond }) => requestsPerSecond, 0),
      of(({ requestsPerSecond }, at) => requestsPerSecond / first[at]!.requestsPerSecond, 3),
      String(mine.reduce((sum, { failed }) => sum + failed, 0)),
    ];
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

/**
 * Every trace kept, at more and more connections: what the ledger says was dropped when the service
 * stops.
 */
async function highestRateWithoutLoss(): Promise<void> {
  console.log('\n| connections | requests a second, every trace kept | the ledger at the stop |');
  console.log('|---|---|---|');
  for (const connections of [1, 2, 4, 8, 16, 64]) {
    const { service } = await arm('every', everyTrace);
    await load(urlOf(service, 'perceptron'), binaryShot(64), { connections, seconds: 2 });
    const loaded = await load(urlOf(service, 'perceptron'), binaryShot(64), {
      connections,
      seconds: options.seconds * 2,
    });
    await service.kill('SIGTERM');
    const ledger = service.said().trim().split('\n').slice(-3).join(' ');
    console.log(`| ${connections} | ${Math.round(loaded.requestsPerSecond)} | ${ledger} |`);
  }
}

/**
 * A Collector that is not there, and one that takes everything and never answers: the callers must
 * not notice.
 */
async function compareCollectors(): Promise<void> {
  const silent = await OtlpReceiver.start();
  silent.answer = 'hang';
  try {
    await compare('perceptron', binaryShot(64), {
      there: on,
      away: { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9' },
      silent: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${silent.port}` },
    });
  } finally {
    silent.stop();
  }
}

/**
 * Paths, models, versions, request ids and JSON ids that are never the same twice: memory and
 * exported metrics before and after.
 */
async function manyNames(): Promise<void> {
  const receiver = await OtlpReceiver.start();
  const { service } = await arm('names', {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.port}`,
    OTEL_METRIC_EXPORT_INTERVAL: '2000',
  });
  try {
    const measure = async () => {
      const from = receiver.received.length;
      await waitFor('an export of metrics', () => receiver.received.slice(from).some(isMetrics), {
        deadlineMs: 60_000,
      });
      const bytes = receiver.received.slice(from).filter(isMetrics).at(-1)!.length;
      receiver.received.length = 0;
      return { bytes, rssMiB: rssMiBOf(service.pid) };
    };
    await sendNames(service, warmUpNames, 0);
    const before = await measure();
    const startedAt = performance.now();
    await sendNames(service, options.names, warmUpNames);
    const seconds = (performance.now() - startedAt) / 1000;
    await pause(5_000);
    const after = await measure();
    console.log(`${options.names} requests with names of their own in ${seconds.toFixed(0)} s:`);
    console.log(
      `one export of metrics ${before.bytes} → ${after.bytes} bytes, resident memory ${before.rssMiB} → ${after.rssMiB} MiB`,
    );
  } finally {
    await service[Symbol.asyncDispose]();
    receiver.stop();
  }
}

function isMetrics(bytes: Buffer): boolean {
  return bytes.includes('http.requests') || bytes.includes('http_requests');
}

/** Over one connection, fifty at a time. */
async function sendNames(service: ServiceProcess, count: number, from: number): Promise<void> {
  const socket = connect(Number(new URL(service.url).port), '127.0.0.1');
  try {
    let answered = 0;
    let end = '';
    socket.on('data', (chunk) => {
      // A status line may be cut in two: the last bytes are looked at again, one too few to hold a whole
      // one.
      const text = end + chunk.toString('latin1');
      answered += text.split(statusLine).length - 1;
      end = text.slice(1 - statusLine.length);
    });
    for (let sent = 0; sent < count; ) {
      let pieces = '';
      for (let each = 0; each < 50 && sent < count; each += 1, sent += 1) pieces += request(from + sent);
      socket.write(pieces);
      await waitFor('answers', () => answered >= sent, { deadlineMs: 60_000, everyMs: 1 });
    }
  } finally {
    socket.destroy();
  }
}

function request(number: number): string {
  const head = `Host: 127.0.0.1\r\nX-Request-Id: request-${number}\r\nUser-Agent: agent-${number}\r\n`;
  switch (number % 4) {
    case 0:
      return `GET /nothing/${number}?q=${number} HTTP/1.1\r\n${head}\r\n`;
    case 1:
      return `POST /v2/models/model-${number}/versions/${number}/infer HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`;
    case 2:
      return `PROPFIND /v2/${number} HTTP/1.1\r\n${head}\r\n`;
    default: {
      const body = JSON.stringify({
        id: `id-${number}`,
        inputs: [{ name: `input-${number}`, datatype: 'FP32', shape: [1], data: [1] }],
      });
      return `POST /v2/models/perceptron/infer HTTP/1.1\r\n${head}Content-Length: ${body.length}\r\n\r\n${body}`;
    }
  }
}

function rssMiBOf(processId: number): number {
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${processId}/status`, 'utf8'))?.[1] ?? 0) / 1024);
}

function urlOf(service: ServiceProcess, model: string): string {
  return `${service.url}/v2/models/${model}/infer`;
}
