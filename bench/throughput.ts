import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { perceptron, writeModel } from '../testkit/models/models.ts';
import { startStack } from '../testkit/stack.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { cpuPerRequest, cpuTimeOfTree, stolenPercentSince, stolenSeconds } from './cpu-time.ts';
import { numberOption, option } from './option.ts';
import { bentomlShot, binaryShot, jsonShot, rawShot } from './shots.ts';
import {
  hasPeer,
  type PeerName,
  peerNames,
  type Server,
  startBare,
  startPeer,
  startVitrine,
  tryOnce,
} from './start-arm.ts';
import { calmest, medianWithInterval, rotated } from './statistics.ts';
import { type Load, load, type Shot } from './wrk.ts';

// How many single-row requests a second, on the same cores as the load generator, against the
// limits and the peers. All arms run all the time. The load goes from one to the next, a second
// each, in another order each round. Figures are compared within a round, so a slow minute of the
// machine hits all arms. CPU time a request stands beside the rate: a shared machine steals more
// from the rate.
// Peers need their environments:
//   python3 -m venv ~/.cache/vitrine/bench/litserve && …/bin/pip install litserve==0.2.19 onnxruntime numpy      (mlserver 1.7.1, bentoml 1.4.38)
// Usage: node bench/throughput.ts [--before <another checkout> --arms vitrine,before] [--arms 'limits peers manifests alone' or vitrine,bare-lane] [--connections 16,64] [--rounds 20] [--calmest 20] [--seconds 1] [--width 64,256,256,10]

type Arm = { readonly name: string; readonly server: Server; readonly shot: Shot };
type Slice = Load & { readonly cpuUs: number; readonly mainUs: number; readonly stolenPercent: number };

const options = readOptions();
await using everything = new AsyncDisposableStack();
const folder = everything.use(await temporaryFolder());
const [width = 64] = options.widths;
const modelFile = await writeModel(folder.path, 'perceptron', perceptron({ widths: options.widths }));
/** The same without a manifest, whatever their first dimension is called; '': not at all. */
const rowNames = { b: 'b', s77: 's77', N: 'N', none: '' };
for (const [name, rows] of Object.entries(rowNames))
  await writeModel(folder.path, `rows_${name}`, perceptron({ widths: options.widths, rows }));
await writeModel(folder.path, 'with_manifest', perceptron({ widths: options.widths, rows: 'b' }), {
  manifest: { batching: { rows_max: 64 } },
});
await writeModel(folder.path, 'alone', perceptron({ widths: options.widths }), {
  manifest: { batching: { rows_max: 0 } },
});
const collector = everything.use(await startStack({ only: ['collector'], env: { VITRINE_BACKENDS: 'file' } }));

let started: Promise<Server> | undefined;
/** One for all arms that ask it. */
const vitrine = async () => {
  started ??= startVitrine({
    VITRINE_MODELS: folder.path,
    VITRINE_DATA: join(folder.path, 'on'),
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port('otlpGrpcPort')}`,
  }).then((server) => everything.use(server));
  return started;
};
const another = (model: string) => async () => {
  const server = await vitrine();
  return { ...server, url: server.url.replace('perceptron', model) };
};
/** The code of another checkout, on the same Node and with the same settings. */
const before = () =>
  startVitrine(
    {
      VITRINE_MODELS: folder.path,
      VITRINE_DATA: join(folder.path, 'before'),
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port('otlpGrpcPort')}`,
    },
    resolve(option('before', '')),
  );
const silent = () =>
  startVitrine({ VITRINE_MODELS: folder.path, VITRINE_DATA: join(folder.path, 'off'), OTEL_SDK_DISABLED: 'true' });
const peer = (name: PeerName) => () => startPeer(name, modelFile, folder.path);

const possible: Record<string, { start: () => Promise<Server>; shot: Shot }> = {
  vitrine: { start: vitrine, shot: binaryShot(width) },
  'vitrine-json': { start: vitrine, shot: jsonShot(width) },
  before: { start: before, shot: binaryShot(width) },
  'before-json': { start: before, shot: jsonShot(width) },
  'with-manifest': { start: another('with_manifest'), shot: binaryShot(width) },
  alone: { start: another('alone'), shot: binaryShot(width) },
  ...Object.fromEntries(
    Object.keys(rowNames).map((name) => [`rows-${name}`, { start: another(`rows_${name}`), shot: binaryShot(width) }]),
  ),
  'vitrine-silent': { start: silent, shot: binaryShot(width) },
  'bare-lane': { start: () => startBare('bare-lane.ts', ['perceptron'], folder.path), shot: rawShot(width) },
  'bare-inline': { start: () => startBare('bare-inline.ts', [modelFile], folder.path), shot: rawShot(width) },
  mlserver: { start: peer('mlserver'), shot: jsonShot(width) },
  litserve: { start: peer('litserve'), shot: jsonShot(width) },
  bentoml: { start: peer('bentoml'), shot: bentomlShot(width) },
};

for (const names of options.groups) await compare(names);

/** Every arm against the first. */
async function compare(names: readonly string[]): Promise<void> {
  await using servers = new AsyncDisposableStack();
  const arms: Arm[] = [];
  for (const name of names) {
    const { start, shot } = possible[name]!;
    const server = await start();
    if (server.processId !== (await started)?.processId) servers.use(server);
    await tryOnce(server.url, shot);
    arms.push({ name, server, shot });
  }
  for (const connections of options.connections) {
    for (const { server, shot } of arms) await load(server.url, shot, { connections, seconds: options.warmUpSeconds });
    await tellIdle(arms);
    const slices = new Map(names.map((name) => [name, [] as Slice[]]));
    for (let round = 0; round < options.rounds; round += 1)
      for (const arm of rotated(arms, round)) slices.get(arm.name)!.push(await slice(arm, connections));
    print(connections, slices);
  }
}

async function slice({ server, shot }: Arm, connections: number): Promise<Slice> {
  const { seconds } = options;
  const stolenBefore = stolenSeconds();
  const before = cpuTimeOfTree(server.processId);
  const loaded = await load(server.url, shot, { connections, seconds });
  const cpu = cpuPerRequest(before, cpuTimeOfTree(server.processId), loaded.requests);
  const stolenPercent = stolenPercentSince(stolenBefore, seconds);
  return { ...loaded, cpuUs: cpu.all, mainUs: cpu.main, stolenPercent };
}

/**
 * What all arms together take of a core while nobody asks them for anything: it must be next to
 * nothing, since they all run beside the one that is asked.
 */
async function tellIdle(arms: readonly Arm[]): Promise<void> {
  await pause(1_000);
  const sum = () =>
    arms.reduce((ns, { server }) => {
      const { main, lanes, others } = cpuTimeOfTree(server.processId);
      return ns + main + lanes + others;
    }, 0);
  const before = sum();
  await pause(2_000);
  console.log(`\nIdle, all arms together: ${((sum() - before) / 2e7).toFixed(1)} % of a core.`);
}

function print(connections: number, all: ReadonlyMap<string, readonly Slice[]>): void {
  const slices = calmest(all, options.calmest);
  const [[firstName, first] = ['', []]] = slices;
  console.log(
    `\n${connections} connections, the ${first.length} calmest of ${options.rounds} rounds of ${options.seconds} s; medians, in brackets where 95 of 100 resamples have them\n`,
  );
  console.log(
    `| arm | requests a second | p50 ms | p99 ms | CPU µs a request: all | main | stolen % | ${firstName} ÷ it, rate | it ÷ ${firstName}, CPU | failed |`,
  );
  console.log('|---|---|---|---|---|---|---|---|---|---|');
  for (const [name, mine] of slices) {
    const of = (value: (slice: Slice, round: number) => number, digits: number) => {
      const { median, from, to } = medianWithInterval(mine.map(value));
      return `${median.toFixed(digits)} (${from.toFixed(digits)}–${to.toFixed(digits)})`;
    };
    const cells = [
      of(({ requestsPerSecond }) => requestsPerSecond, 0),
      of(({ p50Ms }) => p50Ms, 2),
      of(({ p99Ms }) => p99Ms, 2),
      of(({ cpuUs }) => cpuUs, 1),
      of(({ mainUs }) => mainUs, 1),
      of(({ stolenPercent }) => stolenPercent, 1),
      of(({ requestsPerSecond }, round) => first[round]!.requestsPerSecond / requestsPerSecond, 2),
      of(({ cpuUs }, round) => cpuUs / first[round]!.cpuUs, 2),
      String(mine.reduce((sum, { failed }) => sum + failed, 0)),
    ];
    console.log(`| ${name} | ${cells.join(' | ')} |`);
  }
}

function readOptions() {
  const groups: Record<string, string[][]> = {
    limits: [['vitrine', 'vitrine-json', 'vitrine-silent', 'bare-lane', 'bare-inline']],
    manifests: [['with-manifest', 'rows-b', 'rows-s77', 'rows-N', 'rows-none']],
    alone: [['alone', 'bare-inline', 'vitrine']],
    // One at a time: some of them take a quarter of a core while nobody asks them for anything.
    peers: peerNames.filter(hasPeer).map((name) => ['vitrine-json', 'vitrine', name]),
  };
  return {
    groups: option('arms', 'limits peers')
      .split(' ')
      .flatMap((names) => groups[names] ?? [names.split(',')]),
    connections: option('connections', '16,64').split(',').map(Number),
    rounds: numberOption('rounds', 20),
    /** So many of them are counted. */
    calmest: numberOption('calmest', numberOption('rounds', 20)),
    seconds: numberOption('seconds', 1),
    warmUpSeconds: numberOption('warm-up', 4),
    widths: option('width', '64,256,256,10').split(',').map(Number),
  };
}
