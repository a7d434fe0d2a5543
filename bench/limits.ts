import { execFile, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { choosePort } from '../launcher/free-port.ts';
import { identity, perceptron, writeModel } from '../testkit/models/models.ts';
import { type ServiceProcess, startService } from '../testkit/service-process.ts';
import { startStack } from '../testkit/stack.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { waitFor } from '../testkit/wait-for.ts';
import { cpuTimeOf } from './cpu-time.ts';
import { listOption, numberOption } from './option.ts';
import { PartLoad } from './part-load.ts';
import { binaryShot, rawShot } from './shots.ts';
import { startBare } from './start-arm.ts';
import { median, rotated, spread } from './statistics.ts';
import { load } from './wrk.ts';

// What throughput.ts does not measure: time until ready, large tensors, a large model against a raw
// loop, the tail at 70 % of the highest load, ten minutes of load.
// Guards and telemetry are on; the Collector is the real one.
// Usage: node bench/limits.ts [--only ready,tensors,large,tail,soak] [--seconds 4] [--rounds 3] [--calmest 3] [--minutes 10] [--large-connections 128]

const run = promisify(execFile);
const options = {
  only: listOption('only'),
  seconds: numberOption('seconds', 4),
  rounds: numberOption('rounds', 3),
  // So many of the tail's are counted.
  calmest: numberOption('calmest', numberOption('rounds', 3)),
  minutes: numberOption('minutes', 10),
  // Two of its batches: with fewer callers, nobody waits for the lane when a batch ends.
  largeConnections: numberOption('large-connections', 128),
};
await using folder = await temporaryFolder();
const models = join(folder.path, 'models');
const largeWidths = [1024, 2048, 2048, 2048, 10];
await writeModel(models, 'perceptron', perceptron());
await writeModel(models, 'copy', identity('FP32'), { manifest: { batching: { rows_max: 1 } } });
const largeFile = await writeModel(models, 'large', perceptron({ widths: largeWidths }));
await writeModel(models, 'large-in-two-lanes', perceptron({ widths: largeWidths }), {
  manifest: { lanes: { count: 2 }, session: { intra_op_threads: 1 } },
});
await using stack = await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'file' } });
const telemetry = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${stack.port('otlpGrpcPort')}` };

const parts: Record<string, () => Promise<void>> = { ready, tensors, large, tail, soak };
for (const [name, part] of Object.entries(parts)) {
  // Ten minutes are taken only by who asks for them.
  if (options.only.length > 0 ? !options.only.includes(name) : name === 'soak') continue;
  console.log(`\n## ${name}\n`);
  await part();
}

/** From the start of the process to the first 200 of /ready, without models. Wanted: 1.5 s. */
async function ready(): Promise<void> {
  const seconds: number[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const startedAt = performance.now();
    const service = await start({ VITRINE_MODELS: join(folder.path, 'none') });
    seconds.push((performance.now() - startedAt) / 1000);
    await service[Symbol.asyncDispose]();
  }
  console.log(`ready after ${median(seconds).toFixed(2)} s (${spread(seconds, 2)})`);
}

/** 4 MB in and out, against a bare handler that only reads and writes them. Wanted: half. */
async function tensors(): Promise<void> {
  const shot = binaryShot(2 ** 20);
  const port = await choosePort('127.0.0.1');
  const bareUrl = `http://127.0.0.1:${port}/`;
  const bare = spawn(process.execPath, [join(import.meta.dirname, 'arms/bare-echo.ts'), String(port)], {
    stdio: 'ignore',
  });
  const service = await start();
  try {
    await waitFor('the bare handler', async () => (await fetch(bareUrl, { method: 'POST' })).ok, {
      deadlineMs: 60_000,
    });
    for (const connections of [1, 4]) {
      const ratios: number[] = [];
      const rates: number[] = [];
      for (let round = 0; round < options.rounds; round += 1) {
        const theirs = await load(bareUrl, shot, { connections, seconds: options.seconds });
        const ours = await load(urlOf(service, 'copy'), shot, { connections, seconds: options.seconds });
        rates.push(ours.requestsPerSecond);
        ratios.push(ours.requestsPerSecond / theirs.requestsPerSecond);
      }
      console.log(
        `${connections} connections: ${median(rates).toFixed(0)}/s of 4 MB each way, ${median(ratios).toFixed(2)} (${spread(ratios, 2)}) of the bare handler`,
      );
    }
  } finally {
    bare.kill('SIGKILL');
    await service[Symbol.asyncDispose]();
  }
}

/**
 * 21 MFLOP a row, one row a request, against the raw loop at its best batch size on one core.
 * Wanted: 0.9. The medians of all rounds say which size is the best; a single round would favour
 * one by chance.
 */
async function large(): Promise<void> {
  const service = await start();
  const loops: Record<string, number>[] = [];
  const ours: Record<string, { rate: number; cpu: number }[]> = { large: [], 'large-in-two-lanes': [] };
  try {
    for (let round = 0; round < options.rounds; round += 1) {
      const { stdout } = await run(process.execPath, [
        join(import.meta.dirname, 'arms/raw-loop.ts'),
        largeFile,
        String(largeWidths[0]),
      ]);
      loops.push(JSON.parse(stdout) as Record<string, number>);
      for (const [model, mine] of rotated(Object.entries(ours), round)) {
        const before = cpuTimeOf(service.pid);
        const { requests, requestsPerSecond } = await load(urlOf(service, model), binaryShot(largeWidths[0]!), {
          connections: options.largeConnections,
          seconds: options.seconds,
        });
        const laneSeconds = (cpuTimeOf(service.pid).lanes - before.lanes) / 1e9;
        mine.push({ rate: requestsPerSecond, cpu: requests / laneSeconds });
      }
    }
  } finally {
    await service[Symbol.asyncDispose]();
  }
  const ofSize = (size: string) => loops.map((loop) => loop[size]!);
  const [best = ''] = Object.keys(loops[0]!).sort((one, other) => median(ofSize(other)) - median(ofSize(one)));
  console.log(
    `raw loop: ${median(ofSize(best)).toFixed(0)} (${spread(ofSize(best), 0)}) rows a second in batches of ${best}`,
  );
  for (const [model, mine] of Object.entries(ours)) {
    const of = (kind: 'rate' | 'cpu') => mine.map((each, round) => each[kind] / loops[round]![best]!);
    const rates = mine.map(({ rate }) => rate);
    console.log(
      `${model}: ${median(rates).toFixed(0)} (${spread(rates, 0)}) rows a second, ${median(of('rate')).toFixed(2)} (${spread(of('rate'), 2)}) of the loop; rows a second of its lanes’ CPU ${median(of('cpu')).toFixed(2)} (${spread(of('cpu'), 2)}) of the loop’s`,
    );
  }
}

/**
 * The tail at 70 % of the highest load. Wanted: p99 at most four times p50. The same for bare
 * node:http over the same lane shows the machine’s part.
 */
async function tail(): Promise<void> {
  await using servers = new AsyncDisposableStack();
  const service = servers.use(await start());
  const bare = servers.use(await startBare('bare-lane.ts', ['perceptron'], models));
  const arms = [
    new PartLoad('served', urlOf(service, 'perceptron'), binaryShot(64)),
    new PartLoad('bare node:http', bare.url, rawShot(64)),
  ];
  for (const arm of arms) await arm.warmUp();
  for (let round = 0; round < options.rounds; round += 1)
    for (const arm of rotated(arms, round)) await arm.measure(options.seconds);
  for (const arm of arms) console.log(arm.inWords(options.calmest));
}

/** Minutes of load: memory and failures, minute by minute. */
async function soak(): Promise<void> {
  const service = await start();
  try {
    for (let minute = 1; minute <= options.minutes; minute += 1) {
      const { requestsPerSecond, failed } = await load(urlOf(service, 'perceptron'), binaryShot(64), {
        connections: 64,
        seconds: 60,
      });
      const rssKib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${service.pid}/status`, 'utf8'))?.[1];
      console.log(
        `minute ${minute}: ${requestsPerSecond.toFixed(0)}/s, ${failed} failed, ${Math.round(Number(rssKib) / 1024)} MiB resident`,
      );
    }
  } finally {
    await service[Symbol.asyncDispose]();
  }
}

function start(env: Record<string, string> = {}): Promise<ServiceProcess> {
  const data = join(folder.path, `data-${Math.random().toString(36).slice(2)}`);
  return startService({
    VITRINE_MODELS: models,
    VITRINE_DATA: data,
    OTEL_METRIC_EXPORT_INTERVAL: '10000',
    ...telemetry,
    ...env,
  });
}

function urlOf(service: ServiceProcess, model: string): string {
  return `${service.url}/v2/models/${model}/infer`;
}
