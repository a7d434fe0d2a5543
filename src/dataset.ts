import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { type Config, readConfig } from './config.ts';
import { makeForOwnerAlone } from './data-folder.ts';
import { DatasetMetrics } from './datasets/dataset-metrics.ts';
import { type DatasetReport, reportOf } from './datasets/dataset-report.ts';
import { type DatasetWork, enhancing, scoring } from './datasets/dataset-work.ts';
import { findSamples } from './datasets/find-samples.ts';
import { runDataset } from './datasets/run-dataset.ts';
import { SampleLedger } from './datasets/sample-ledger.ts';
import { ProgressLine } from './datasets/show-progress.ts';
import { writeReport } from './datasets/write-report.ts';
import { placesFrom } from './engine/places/place.ts';
import { isPipelineFile, type ManifestFile, type PipelineFile } from './engine/registry/manifest-schema.ts';
import { readManifest } from './engine/registry/model-folder.ts';
import { Registry } from './engine/registry/registry.ts';
import { modelNotFound } from './engine/registry/shelf.ts';
import { ServiceError } from './errors.ts';
import { ifThere } from './if-there.ts';
import { makeFolder } from './make-folder.ts';
import { onDisk } from './resilience/disk-failure.ts';
import { say } from './sentence.ts';
import { criteria, type Weights } from './tasks/quality/rank-files.ts';
import { TaskMetrics } from './tasks/task-metrics.ts';
import { TaskThreads } from './tasks/threads/task-threads.ts';
import { applyConfigFile } from './telemetry/export/read-config-file.ts';
import { startTelemetry } from './telemetry/export/start.ts';
import { log, silenceTerminal } from './telemetry/logger.ts';
import { Meter } from './telemetry/meter.ts';
import { attribute } from './telemetry/names/names.ts';

export type DatasetOptions = {
  readonly operation: 'score' | 'enhance';
  readonly folder: string;
  readonly name: string;
  /** Results; left out: datasets/<name>/<operation> in VITRINE_DATA. */
  readonly out: string | undefined;
  readonly references: string | undefined;
  readonly weights: Weights | undefined;
  readonly model: string;
  readonly stem: string;
  readonly workers: number | undefined;
  /** Aborted when the run is interrupted. */
  readonly signal: AbortSignal;
  readonly progress: NodeJS.WriteStream;
};

export type DatasetOutcome = { readonly report: DatasetReport; readonly folder: string; readonly brokenOff: boolean };

const root = resolve(import.meta.dirname, '..');
/** What the telemetry may take at the end; what cannot be sent then is kept for the next run. */
const flushMsMax = 10_000;

/**
 * Works through a folder of sounds in a process of its own, with an engine of its own: no service
 * is needed. Start reads down, stop runs up; whatever ends it, what is done is kept and reported.
 */
export async function runDatasetIn(options: DatasetOptions): Promise<DatasetOutcome> {
  const { operation, name, signal } = options;
  checkName(name);
  applyConfigFile(process.env);
  const given = readConfig();
  const data = resolve(root, given.data);
  const out = resolve(options.out ?? join(data, 'datasets', name, operation));
  const source = await folderAt(options.folder);
  const workers = options.workers ?? availableParallelism();
  const config: Config = {
    ...given,
    data,
    models: placesFrom(root, given.models),
    modelControl: 'explicit',
    loadModels: '',
    tasksRunningMax: workers,
  };
  const work = await workOf(options, out);
  const samples = await findSamples(source, out);
  if (samples.length === 0)
    throw new ServiceError(
      'invalid_input',
      say`Cannot work on the dataset: there is no sound in ${source}; name a folder with wav, flac, mp3, ogg or aiff files in it or below.`,
    );
  makeForOwnerAlone(join(data, 'datasets'));
  await onDisk(() => makeFolder(out));

  silenceTerminal();
  const meter = new Meter();
  const taskMetrics = new TaskMetrics(meter);
  const metrics = new DatasetMetrics(meter, name, operation);
  const telemetry = await startTelemetry(config, {
    name: 'vitrine-dataset',
    folder: join('datasets', name, 'telemetry'),
    host: false,
    meter,
  });
  try {
    // The zeros first: an increase needs an exported value before it, and a run may be shorter than the
    // interval.
    await telemetry.exportMetrics();
    await using ledger = await SampleLedger.open(join(out, 'state.jsonl'), work.settings);
    const scratch = join(out, 'scratch');
    await rm(scratch, { recursive: true, force: true });
    await using registry = await openRegistry(config, work, workers);
    await using threads = new TaskThreads(config, meter);
    const line = new ProgressLine(options.progress);
    const progress = await onDisk(() =>
      runDataset({
        ...{ name, work, samples, ledger, scratch, workers, signal, config, registry, threads, taskMetrics, metrics },
        progress: (now) => line.show(now),
      }),
    );
    line.end();
    await rm(scratch, { recursive: true, force: true });
    const report = reportOf({
      dataset: name,
      processor: operation,
      ids: samples.map(({ id }) => id),
      entries: ledger.entriesOf(samples),
      weights: options.weights,
    });
    for (const { topsis } of report.rows) if (topsis !== undefined) metrics.ranked(topsis);
    await onDisk(() => writeReport(out, report));
    log('app', report.failed > 0 ? 'warn' : 'info', `A dataset was worked through: ${operation}`, {
      event_type: 'dataset_ended',
      [attribute.datasetName]: name,
      [attribute.processingStage]: operation,
      ...progress,
      complete: report.complete,
    });
    return { report, folder: out, brokenOff: signal.aborted };
  } finally {
    await telemetry.stop(flushMsMax);
  }
}

async function workOf({ operation, model, stem, references }: DatasetOptions, out: string): Promise<DatasetWork> {
  if (operation === 'enhance') return enhancing({ model, stem, files: join(out, 'files') });
  return scoring({ references: references === undefined ? undefined : await folderAt(references) });
}

/**
 * A lane for each worker: with one, the files would wait for each other. Scores do without a model
 * that is not there; enhancing cannot.
 */
async function openRegistry(config: Config, work: DatasetWork, workers: number): Promise<Registry> {
  const registry = new Registry(config);
  // The service may serve from what lies in VITRINE_DATA: nothing is removed there.
  await registry.start({ watch: 'elsewhere' });
  for (const name of work.models) {
    try {
      const folder = await registry.repository.find(name);
      if (!folder) throw modelNotFound(name);
      const manifest = await readManifest(folder.folder);
      await registry.load(name, { config: () => withLanes(manifest, workers) });
    } catch (error) {
      if (work.name === 'score' && error instanceof ServiceError && error.code === 'model_not_found') continue;
      await registry[Symbol.asyncDispose]();
      throw error;
    }
  }
  return registry;
}

async function folderAt(path: string): Promise<string> {
  const folder = resolve(path);
  const found = await ifThere(stat(folder));
  if (found?.isDirectory()) return folder;
  throw new ServiceError(
    'invalid_input',
    say`Cannot work on the dataset: ${folder} is ${found ? 'no folder' : 'not there'}; name the folder with the sounds.`,
  );
}

/** It is a label of metrics and a folder. */
function checkName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return;
  throw new ServiceError(
    'invalid_input',
    say`Cannot work on the dataset: its name is not 1 to 64 letters, digits, points, dashes and underscores; give another --name.`,
  );
}

/** Weights as on the command line: `dnsmos=2,clipping=1`. */
export function readWeights(text: string | undefined): Weights | undefined {
  if (text === undefined) return undefined;
  const pairs = text.split(',').map((pair) => pair.split('=').map((part) => part.trim()));
  const unusable = pairs.find(
    ([name = '', weight = '', ...more]) => !(name in criteria) || !(Number(weight) > 0) || more.length > 0,
  );
  if (unusable)
    throw new ServiceError(
      'invalid_input',
      say`Cannot use the weight "${unusable.join('=').slice(0, 80)}": give name=number with a number above 0, and a name of ${Object.keys(criteria).join(', ')}.`,
    );
  return Object.fromEntries(pairs.map(([name, weight]) => [name, Number(weight)]));
}

function withLanes(file: ManifestFile | PipelineFile, count: number): ManifestFile | PipelineFile {
  return isPipelineFile(file) ? file : { ...file, lanes: { ...file.lanes, count } };
}
