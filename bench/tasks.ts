import { execFile } from 'node:child_process';
import { openAsBlob } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { wavHead } from '../src/tasks/audio/write-wav.ts';
import { type ServiceProcess, startService } from '../test/support/service-process.ts';
import { temporaryFolder } from '../test/support/temporary-folder.ts';

// Tasks through HTTP: separation of 60 s of stereo against librosa's hpss on the same file and against the bare graph; generation against real time; the
// memory of an hour. librosa needs its own environment:
//   python3 -m venv ~/.cache/vitrine/bench/librosa && …/bin/pip install librosa==0.11.0 soundfile==0.14.0
// Usage: node bench/tasks.ts [--rounds 3] [--hour] [--seconds 60]

const run = promisify(execFile);
const rate = 44_100;
const rounds = Number(option('--rounds') ?? 3);
const seconds = Number(option('--seconds') ?? 60);
const models = join(import.meta.dirname, '../models');
await using folder = await temporaryFolder();
const sound = await writeSound(join(folder.path, 'sound.wav'), seconds);
await using service = await startService({
  VITRINE_DATA: join(folder.path, 'data'),
  VITRINE_MODELS: models,
  VITRINE_TASKS_PER_MINUTE_MAX: '100000',
  VITRINE_TASK_MS_MAX: '7200000',
  OTEL_SDK_DISABLED: 'true',
});

await separate(service, sound);
const ours = await times(rounds, () => separate(service, sound));
tell(`separation of ${seconds} s of stereo through HTTP`, ours);
const bare = await secondsOf(process.execPath, [
  join(import.meta.dirname, 'arms/bare-separation.ts'),
  join(models, 'harmonic-percussive/1/model.onnx'),
  sound,
]);
tell('the bare graph on all cores', bare);
console.log(`through HTTP ÷ bare graph: ${(median(bare) / median(ours)).toFixed(2)} of its speed (wanted 0.85)`);
const python = join(homedir(), '.cache/vitrine/bench/librosa/bin/python');
try {
  const librosa = await secondsOf(python, [join(import.meta.dirname, 'arms/librosa_hpss.py'), sound, String(rounds)]);
  tell('librosa.effects.hpss, file to files', librosa);
  console.log(`faster than librosa: ${(median(librosa) / median(ours)).toFixed(2)} times (wanted 1.4, hoped for 2)`);
} catch (error) {
  console.log(`librosa is left out: ${(error as Error).message.split('\n')[0]}`);
}

await generate(service);
const made = await times(Math.max(5, rounds), () => generate(service));
tell('generation of 5 s', made);
console.log(`of real time: ${(median(made) / 5).toFixed(3)} (wanted 0.1)`);
console.log(`memory at its peak so far: ${await peakMegabytes(service)} MB`);

if (process.argv.includes('--hour')) {
  const hour = await writeSound(join(folder.path, 'hour.wav'), 3600);
  const before = await peakMegabytes(service);
  const [took = 0] = await times(1, () => separate(service, hour, 'percussive'));
  console.log(`an hour of stereo: ${took.toFixed(0)} s, peak ${await peakMegabytes(service)} MB (${before} MB before)`);
}

async function separate({ url }: ServiceProcess, path: string, stem?: string): Promise<void> {
  const body = new FormData();
  body.set('file', await openAsBlob(path), 'sound.wav');
  const answer = await fetch(`${url}/v1/separate${stem === undefined ? '' : `?stem=${stem}`}`, {
    method: 'POST',
    body,
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  for await (const _ of answer.body ?? []);
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

async function times(count: number, act: () => Promise<void>): Promise<number[]> {
  const taken: number[] = [];
  for (let round = 0; round < count; round += 1) {
    const startedAt = performance.now();
    await act();
    taken.push((performance.now() - startedAt) / 1000);
  }
  return taken;
}

/** The seconds that a program prints, one a line. */
async function secondsOf(program: string, args: readonly string[]): Promise<number[]> {
  const { stdout } = await run(program, [...args]);
  return stdout.trim().split('\n').map(Number);
}

async function peakMegabytes({ pid }: ServiceProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  return Math.round(Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) / 1000);
}

function tell(what: string, taken: readonly number[]): void {
  console.log(
    `${what}: ${median(taken).toFixed(3)} s (${Math.min(...taken).toFixed(3)}–${Math.max(...taken).toFixed(3)})`,
  );
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name);
  return at < 0 ? undefined : process.argv[at + 1];
}
