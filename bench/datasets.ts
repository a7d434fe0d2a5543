import { copyFile, mkdir } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { datasetCommand } from '../testkit/dataset-command.ts';
import { fixtureSound, ourModels } from '../testkit/task-runner.ts';
import { temporaryFolder } from '../testkit/temporary-folder.ts';

// How well the scoring of a dataset fills the cores: files a second with as many workers as cores,
// over those with one. The time of the process's start and the loading of the model is taken off:
// it is the same whatever the number of files.
//
//   node bench/datasets.ts [files = 60] [rounds = 3]

const files = Number(process.argv[2] ?? 60);
const rounds = Number(process.argv[3] ?? 3);
const cores = availableParallelism();

await using folder = await temporaryFolder();
const sets = { few: join(folder.path, 'few'), many: join(folder.path, 'many') };
for (const [set, count] of [
  [sets.few, cores],
  [sets.many, cores + files],
] as const) {
  await mkdir(set);
  for (let at = 0; at < count; at += 1) {
    const name = at % 2 === 0 ? 'speech.wav' : 'speech-in-noise.wav';
    await copyFile(fixtureSound(name), join(set, `${at}.wav`));
  }
}

let run = 0;
const perSecond: Record<number, number[]> = { 1: [], [cores]: [] };
for (let round = 0; round < rounds; round += 1) {
  // Side by side in time, so that what else the machine does meets both.
  for (const workers of [1, cores]) {
    const few = await seconds(sets.few, workers);
    const many = await seconds(sets.many, workers);
    perSecond[workers]?.push(files / (many - few));
  }
}
const of = (workers: number) => median(perSecond[workers] ?? []);
console.log(
  JSON.stringify(
    {
      cores,
      files,
      rounds,
      load: loadavg()[0],
      files_per_second: { one_worker: of(1), all_cores: of(cores) },
      times_one: of(cores) / of(1),
    },
    null,
    1,
  ),
);

async function seconds(set: string, workers: number): Promise<number> {
  run += 1;
  const startedAt = performance.now();
  const { code, summary } = await datasetCommand(['score', set, '--name', `run-${run}`, '--workers', String(workers)], {
    VITRINE_DATA: join(folder.path, 'data'),
    VITRINE_MODELS: ourModels,
  }).ended();
  if (code !== 0 || summary.success !== summary.files) throw new Error(`The run ended with ${code}`);
  return (performance.now() - startedAt) / 1000;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}
