import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { homedir, loadavg } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { wavHead } from '../src/audio/write-wav.ts';
import { type ServiceProcess, startService } from '../testkit/service-process.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';
import { numberOption } from './option.ts';
import { median, rotated, spread } from './statistics.ts';

// Tasks through HTTP. `separation`: 60 s of stereo against librosa's hpss on the same file and
// against the bare graph, in turns. `generation` against real time. `hour`: the memory that an hour
// of stereo takes. librosa needs its own environment:
//   python3 -m venv ~/.cache/vitrine/bench/librosa && …/bin/pip install librosa==0.11.0 soundfile==0.14.0
// Usage: node bench/tasks.ts [--rounds 5] [--seconds 60] [--minutes 60] [separation] [generation] [hour]

const run = promisify(execFile);
const rate = 44_100;
const rounds = numberOption('rounds', 5);
const seconds = numberOption('seconds', 60);
const minutes = numberOption('minutes', 60);
const parts = ['separation', 'generation', 'hour'].filter((part) => process.argv.includes(part));
const wants = (part: string) => (parts.length === 0 ? part !== 'hour' : parts.includes(part));
const models = join(import.meta.dirname, '../models');
const separation = join(models, 'harmonic-percussive');
const { separator } = JSON.parse(await readFile(join(separation, 'model.json'), 'utf8'));
await using ended = new AsyncDisposableStack();
const folder = ended.use(await temporaryFolder());
const service = ended.use(
  await startService({
    VITRINE_DATA: join(folder.path, 'data'),
    VITRINE_MODELS: models,
    VITRINE_TASKS_PER_MINUTE_MAX: '100000',
    VITRINE_TASK_MS_MAX: '7200000',
    OTEL_SDK_DISABLED: 'true',
  }),
);
console.log(`load average ${loadavg()[0]?.toFixed(1)}`);

if (wants('separation')) {
  const sound = await writeSound(join(folder.path, 'sound.wav'), seconds);
  const python = join(homedir(), '.cache/vitrine/bench/librosa/bin/python');
  const arms: Record<string, () => Promise<number>> = {
    'through HTTP': () => timed(() => separate(service, sound)),
    'bare graph': await bareSeparation(sound, separator.context_samples),
    'bare graph with seams': await bareSeparation(sound, 0),
  };
  if (existsSync(python)) arms.librosa = await arm(python, 'librosa_hpss.py', [sound]);
  const taken = await inTurns(arms, rounds);
  for (const [name, times] of Object.entries(taken))
    console.log(`separation of ${seconds} s, ${name}: ${inWords(times)}`);
  const ours = taken['through HTTP'] ?? [];
  for (const [name, wanted] of [
    ['bare graph', '≥ 0.85'],
    ['bare graph with seams', 'not the same stems'],
    ['librosa', '≥ 1.4, hoped for 2'],
  ] as const) {
    // Within a round, so that what else the machine does meets both.
    const ratios = (taken[name] ?? []).map((time, round) => time / (ours[round] as number));
    console.log(
      `${name} ÷ through HTTP: ${ratios.length > 0 ? inWords(ratios, '') : 'not installed'} (wanted ${wanted})`,
    );
  }
}

if (wants('generation')) {
  const { made = [] } = await inTurns({ made: () => timed(() => generate(service)) }, Math.max(9, rounds));
  console.log(`generation of 5 s: ${inWords(made)}; ${(median(made) / 5).toFixed(3)} of real time (wanted ≤ 0.1)`);
}

console.log(`memory at its peak so far: ${await peakMegabytes(service)} MB`);
if (wants('hour')) {
  await separate(service, await writeSound(join(folder.path, 'minute.wav'), 60), 'percussive');
  const before = await peakMegabytes(service);
  const long = await writeSound(join(folder.path, 'long.wav'), 60 * minutes);
  const took = await timed(() => separate(service, long, 'percussive'));
  const speed = ((60 * minutes) / took).toFixed(1);
  console.log(
    `${minutes} minutes of stereo: ${took.toFixed(0)} s, ${speed} times real time; peak ${await peakMegabytes(service)} MB, after one minute it was ${before} MB`,
  );
}

/** By curl, as people do it: fetch of this program would take a tenth of both cores for itself. */
async function separate({ url }: ServiceProcess, path: string, stem?: string): Promise<void> {
  const query = stem === undefined ? '' : `?stem=${stem}`;
  await run('curl', ['-fsS', '-F', `file=@${path}`, '-o', '/dev/null', `${url}/v1/separate${query}`]);
}

/** The graph over the service's own pieces. */
function bareSeparation(sound: string, context: number): Promise<() => Promise<number>> {
  const lengths = [String(separator.chunk_samples), String(context)];
  return arm(process.execPath, 'bare-separation.ts', [join(separation, '1/model.onnx'), sound, ...lengths]);
}

async function generate({ url }: ServiceProcess): Promise<void> {
  const answer = await fetch(`${url}/v1/generate`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'a bright bell in the rain', duration_seconds: 5 }),
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  await answer.arrayBuffer();
}

/** Two tones, and a click twice a second, a little different in the two channels. */
async function writeSound(path: string, length: number): Promise<string> {
  await using file = await open(path, 'w');
  await file.write(wavHead({ encoding: 'pcm16', channels: 2, sampleRateHz: rate, frames: length * rate }));
  const second = Buffer.alloc(4 * rate);
  for (let at = 0; at < rate; at += 1) {
    const time = at / rate;
    const click = 0.4 * Math.exp(-60 * (time % 0.5)) * Math.sin(at * at);
    for (const channel of [0, 1]) {
      const tones =
        0.2 * Math.sin(2 * Math.PI * (220 + 110 * channel) * time) + 0.15 * Math.sin(2 * Math.PI * 331 * time);
      second.writeInt16LE(Math.round(32_767 * (tones + click)), 4 * at + 2 * channel);
    }
  }
  for (let at = 0; at < length; at += 1) await file.write(second);
  return path;
}

/** Each arm once in every round, after a round that is not counted. */
async function inTurns(arms: Record<string, () => Promise<number>>, count: number): Promise<Record<string, number[]>> {
  const taken: Record<string, number[]> = {};
  for (let round = -1; round < count; round += 1)
    for (const [name, act] of rotated(Object.entries(arms), round + 1)) {
      const took = await act();
      taken[name] = round < 0 ? [] : [...(taken[name] ?? []), took];
    }
  return taken;
}

async function timed(act: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return (performance.now() - startedAt) / 1000;
}

/**
 * A program of bench/arms that stays: each call is one round, in its own seconds. It costs
 * nothing in between.
 */
async function arm(program: string, file: string, args: readonly string[]): Promise<() => Promise<number>> {
  const child = spawn(program, [join(import.meta.dirname, 'arms', file), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // It ends with its input.
  ended.defer(async () => {
    child.stdin.end();
    await once(child, 'exit');
  });
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  return async () => {
    const answer = once(lines, 'line') as Promise<[string]>;
    child.stdin.write('\n');
    return Number((await answer)[0]);
  };
}

async function peakMegabytes({ pid }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1000);
}

function inWords(values: readonly number[], unit = ' s'): string {
  return `${median(values).toFixed(2)}${unit} (${spread(values, 2)})`;
}
