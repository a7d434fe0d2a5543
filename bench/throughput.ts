import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { choosePort } from '../stack/free-port.ts';
import { perceptron, writeModel } from '../test/fixtures/models/models.ts';
import { startStack } from '../test/support/stack.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';
import { waitFor } from '../test/support/wait-for.ts';
import { median, rotated, spread } from './statistics.ts';
import { type Load, load, type Shot } from './wrk.ts';

// How many single-row requests a second, on the same cores as the load generator, against the limits and the peers. Rounds alternate between
// the arms, so that a slow minute of the machine hits all of them; the ratio is taken within each round. Peers need their environments:
//   python3 -m venv ~/.cache/vitrine/bench/litserve && …/bin/pip install litserve==0.2.19 onnxruntime numpy      (mlserver 1.7.1, bentoml 1.4.38)
// Usage: node bench/throughput.ts [--seconds 4] [--rounds 3] [--only vitrine,bare-lane] [--width 64,256,256,10]

type Arm = {
  url: string;
  shot: Shot;
  stop: () => Promise<void>;
};

const options = readOptions(process.argv.slice(2));
const peers = join(homedir(), '.cache/vitrine/bench');
await using folder = await temporaryFolder();
const [width = 64] = options.widths;
const modelFile = await writeModel(folder.path, 'perceptron', perceptron({ widths: options.widths }));
const row = Float32Array.from({ length: width }, (_, index) => (index % 17) / 17);

const starters: Record<string, () => Promise<Arm>> = {
  vitrine: () => vitrine({}, binaryShot()),
  'vitrine-json': () => vitrine({}, jsonShot()),
  'vitrine-silent': () => vitrine({ OTEL_SDK_DISABLED: 'true' }, binaryShot()),
  'bare-lane': () => bare('bare-lane.ts', ['perceptron']),
  'bare-inline': () => bare('bare-inline.ts', [modelFile]),
  mlserver: () =>
    peer(
      'mlserver',
      ['start', join(import.meta.dirname, 'arms/mlserver')],
      '/v2/models/perceptron/infer',
      jsonShot(),
      '/v2/health/ready',
    ),
  litserve: () =>
    peer('litserve', [join(import.meta.dirname, 'arms/litserve_arm.py')], '/predict', jsonShot(), '/health'),
  bentoml: () =>
    peer(
      'bentoml',
      ['serve', 'bentoml_arm:Perceptron', '--working-dir', join(import.meta.dirname, 'arms')],
      '/predict',
      bentomlShot(),
      '/readyz',
    ),
};

const names = Object.keys(starters).filter((name) => options.only.length === 0 || options.only.includes(name));
const results = new Map<string, Load[]>();
for (const connections of options.connections) {
  for (let round = 0; round < options.rounds; round += 1) {
    for (const name of rotated(names, round)) {
      if (['mlserver', 'litserve', 'bentoml'].includes(name) && !existsSync(join(peers, name, 'bin/python'))) continue;
      const arm = await starters[name]!();
      try {
        await load(arm.url, arm.shot, { connections, seconds: 2 });
        const measured = await load(arm.url, arm.shot, { connections, seconds: options.seconds });
        const key = `${name} ${connections}`;
        results.set(key, [...(results.get(key) ?? []), measured]);
        console.error(
          `${connections} connections, round ${round + 1}, ${name}: ${Math.round(measured.requestsPerSecond)}/s, p50 ${measured.p50Ms} ms, p99 ${measured.p99Ms} ms, ${measured.failed} failed`,
        );
      } finally {
        await arm.stop();
      }
    }
  }
}

console.log(
  '| connections | arm | requests a second, median (range) | p50 ms | p99 ms | vitrine ÷ it, median (range) |',
);
console.log('|---|---|---|---|---|---|');
for (const connections of options.connections) {
  const ours = results.get(`vitrine ${connections}`) ?? [];
  for (const name of names) {
    const loads = results.get(`${name} ${connections}`);
    if (!loads) continue;
    const rates = loads.map(({ requestsPerSecond }) => requestsPerSecond);
    const ratios = loads.map(
      ({ requestsPerSecond }, round) => (ours[round]?.requestsPerSecond ?? Number.NaN) / requestsPerSecond,
    );
    console.log(
      `| ${connections} | ${name} | ${Math.round(median(rates))} (${spread(rates, 0)}) | ${median(loads.map(({ p50Ms }) => p50Ms)).toFixed(2)} | ${median(loads.map(({ p99Ms }) => p99Ms)).toFixed(2)} | ${median(ratios).toFixed(2)} (${spread(ratios, 2)}) |`,
    );
  }
}

async function vitrine(env: Record<string, string>, shot: Shot): Promise<Arm> {
  const stack = await startStack({
    only: ['collector', 'service'],
    env: {
      VITRINE_BACKENDS: 'file',
      VITRINE_MODELS: folder.path,
      OTEL_METRIC_EXPORT_INTERVAL: '10000',
      VITRINE_RATE_PER_MINUTE: '0',
      ...env,
    },
  });
  return { url: `${stack.url('service')}/v2/models/perceptron/infer`, shot, stop: () => stack.close() };
}

async function bare(program: string, parameters: string[]): Promise<Arm> {
  const port = await choosePort('127.0.0.1');
  const url = `http://127.0.0.1:${port}/`;
  const child = spawn(process.execPath, [join(import.meta.dirname, 'arms', program), String(port), ...parameters], {
    env: { ...process.env, VITRINE_MODELS: folder.path, OTEL_SDK_DISABLED: 'true' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const shot = { headers: { 'content-type': 'application/octet-stream' }, body: new Uint8Array(row.buffer) };
  await answers(child, url, shot);
  return { url, shot, stop: () => end(child) };
}

async function peer(name: string, parameters: string[], path: string, shot: Shot, readyPath: string): Promise<Arm> {
  const port = await choosePort('127.0.0.1');
  const program = join(peers, name, 'bin', name === 'litserve' ? 'python' : name);
  const child = spawn(
    program,
    name === 'litserve'
      ? [...parameters, String(port), modelFile]
      : name === 'bentoml'
        ? [...parameters, '--port', String(port)]
        : parameters,
    {
      cwd: join(import.meta.dirname, 'arms'),
      env: {
        ...process.env,
        BENCH_MODEL: modelFile,
        BENTOML_DO_NOT_TRACK: 'true',
        BENTOML_HOME: join(folder.path, 'bentoml'),
        MLSERVER_HTTP_PORT: String(port),
        MLSERVER_GRPC_PORT: String(await choosePort('127.0.0.1')),
        MLSERVER_METRICS_PORT: String(await choosePort('127.0.0.1')),
        MLSERVER_HOST: '127.0.0.1',
        MLSERVER_DEBUG: 'false',
      },
      stdio: ['ignore', 'ignore', 'ignore'],
    },
  );
  await waitFor(`${name} to be ready`, async () => (await fetch(`http://127.0.0.1:${port}${readyPath}`)).ok, {
    deadlineMs: 120_000,
    everyMs: 500,
  });
  const url = `http://127.0.0.1:${port}${path}`;
  await answers(child, url, shot);
  return { url, shot, stop: () => end(child, true) };
}

async function answers(child: ChildProcess, url: string, { headers, body }: Shot): Promise<void> {
  await waitFor(
    `an answer from ${url}`,
    async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return true;
    },
    { deadlineMs: 60_000, everyMs: 300 },
  );
}

/** A peer is asked first: its workers have sessions of their own, which it alone can end. */
async function end(child: ChildProcess, asked = false): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  if (asked) {
    child.kill('SIGTERM');
    await Promise.race([gone, pause(5_000, undefined, { ref: false })]);
  }
  child.kill('SIGKILL');
  await gone;
}

function binaryShot(): Shot {
  const head = Buffer.from(
    JSON.stringify({
      inputs: [{ name: 'x', shape: [1, width], datatype: 'FP32', parameters: { binary_data_size: width * 4 } }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    }),
  );
  return {
    headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': String(head.length) },
    body: Buffer.concat([head, Buffer.from(row.buffer)]),
  };
}

function jsonShot(): Shot {
  const inputs = [
    { name: 'x', shape: [1, width], datatype: 'FP32', data: Array.from(row, (value) => Number(value.toFixed(6))) },
  ];
  return { headers: { 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ inputs })) };
}

function bentomlShot(): Shot {
  return {
    headers: { 'content-type': 'application/json' },
    body: Buffer.from(JSON.stringify({ data: [Array.from(row, (value) => Number(value.toFixed(6)))] })),
  };
}

function readOptions(given: string[]) {
  const value = (name: string) => given[given.indexOf(`--${name}`) + 1] ?? '';
  const has = (name: string) => given.includes(`--${name}`);
  return {
    seconds: has('seconds') ? Number(value('seconds')) : 4,
    rounds: has('rounds') ? Number(value('rounds')) : 3,
    only: has('only') ? value('only').split(',') : [],
    connections: has('connections') ? value('connections').split(',').map(Number) : [16, 64],
    widths: has('width') ? value('width').split(',').map(Number) : [64, 256, 256, 10],
  };
}
