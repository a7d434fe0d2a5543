import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Context, ROOT_CONTEXT } from '@opentelemetry/api';
import type { Config } from '../config.ts';
import type { Registry } from '../engine/registry/registry.ts';
import { failures, ServiceError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { asDiskFailure } from '../resilience/disk-failure.ts';
import { runTask } from '../tasks/task.ts';
import type { TaskMetrics } from '../tasks/task-metrics.ts';
import type { TaskThreads } from '../tasks/threads/task-threads.ts';
import { log } from '../telemetry/logger.ts';
import { attribute } from '../telemetry/names/names.ts';
import { inSpan } from '../telemetry/spans.ts';
import type { DatasetMetrics } from './dataset-metrics.ts';
import type { DatasetWork } from './dataset-work.ts';
import type { Sample } from './find-samples.ts';
import type { SampleEntry, SampleLedger } from './sample-ledger.ts';

export type DatasetRun = {
  readonly name: string;
  readonly work: DatasetWork;
  readonly samples: readonly Sample[];
  readonly ledger: SampleLedger;
  /** Scratch; emptied file by file. */
  readonly scratch: string;
  /** Files worked on at once. */
  readonly workers: number;
  readonly signal: AbortSignal;
  readonly config: Config;
  readonly registry: Registry;
  readonly threads: TaskThreads;
  readonly taskMetrics: TaskMetrics;
  readonly metrics: DatasetMetrics;
  /** Called after each file, and once before the first. */
  readonly progress: (progress: DatasetProgress) => void;
};

export type DatasetProgress = {
  readonly total: number;
  /** Known from a run before. */
  readonly skipped: number;
  readonly success: number;
  readonly excluded: number;
  readonly failed: number;
};

/**
 * Works through what is missing or changed. A file that cannot be taken is noted with its reason;
 * nothing but the signal ends the run before its end.
 */
export async function runDataset(run: DatasetRun): Promise<DatasetProgress> {
  const { work, samples, ledger, metrics, workers, signal } = run;
  const todo: { sample: Sample; stamp: string }[] = [];
  for (const sample of samples) {
    const stamp = await work.stamp(sample);
    if (!ledger.known(sample.id, stamp)) todo.push({ sample, stamp });
  }
  const counts = { total: samples.length, skipped: samples.length - todo.length, success: 0, excluded: 0, failed: 0 };
  metrics.skipped(counts.skipped);
  let begun = 0;
  let running = 0;
  metrics.observe(() => ({ waiting: todo.length - begun, running }));
  run.progress(counts);
  const worker = async (number: number): Promise<void> => {
    while (begun < todo.length && !signal.aborted) {
      const { sample, stamp } = todo[begun]!;
      begun += 1;
      running += 1;
      const entry = await doSample(run, sample, stamp, join(run.scratch, String(number)));
      running -= 1;
      if (!entry) return;
      await ledger.note(entry);
      counts[entry.status] += 1;
      metrics.done(entry);
      run.progress(counts);
    }
  };
  await Promise.all(Array.from({ length: workers }, (_, number) => worker(number)));
  return counts;
}

/**
 * One file in its span; undefined when the run was broken off meanwhile. Every trace is kept:
 * nothing decides against it here.
 */
async function doSample(
  run: DatasetRun,
  sample: Sample,
  stamp: string,
  folder: string,
): Promise<SampleEntry | undefined> {
  const { name, work, signal } = run;
  const startedAt = performance.now();
  const attributes = {
    [attribute.sampleId]: sample.id.slice(0, 200),
    [attribute.datasetName]: name,
    [attribute.processingStage]: work.name,
  };
  return inSpan('sample', { attributes, parent: ROOT_CONTEXT }, async (span) => {
    const { context } = span;
    const end = (rest: Omit<SampleEntry, 'id' | 'stamp' | 'tookSeconds'>): SampleEntry => {
      const tookSeconds = (performance.now() - startedAt) / 1000;
      const entry = { id: sample.id, stamp, tookSeconds: Math.round(tookSeconds * 1e6) / 1e6, ...rest };
      span.setAttributes({ [attribute.sampleStatus]: entry.status });
      record(run, entry, context);
      return entry;
    };
    try {
      const kept = await perform(run, sample, folder, context);
      return end({ status: 'success', ...kept });
    } catch (error) {
      if (signal.aborted) return undefined;
      span.fail(error);
      return end(failureOf(error));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

async function perform(run: DatasetRun, sample: Sample, folder: string, context: Context) {
  const { work, config, registry, threads, taskMetrics: metrics, signal } = run;
  await makeFolder(folder);
  const result = await runTask(await work.request(sample), {
    ...{ config, registry, threads, metrics, folder, signal, context },
    deadlineAt: performance.now() + config.taskMsMax,
    progress: () => undefined,
    // Its folder is the owner's own, and bounded by the disk alone.
    reserve: async () => undefined,
    tenant: 'dataset',
    belongsTo: { [attribute.sampleId]: sample.id.slice(0, 200), [attribute.datasetName]: run.name },
  });
  return work.keep(sample, result);
}

function failureOf(thrown: unknown): Pick<SampleEntry, 'status' | 'failure'> {
  const error = asDiskFailure(thrown);
  if (!(error instanceof ServiceError))
    return {
      status: 'failed',
      failure: { code: 'internal', reason: error instanceof Error ? error.message : `${error}` },
    };
  const { code, message: reason } = error;
  // The file is at fault where a caller would be.
  return { status: failures[code].status < 500 ? 'excluded' : 'failed', failure: { code, reason } };
}

/** To the same stream as the lines of requests: a line for each file would bury the terminal. */
function record({ name, work }: DatasetRun, entry: SampleEntry, context: Context): void {
  const level = entry.status === 'success' ? 'info' : entry.status === 'excluded' ? 'warn' : 'error';
  log(
    'access',
    level,
    `A file of a dataset: ${work.name}, ${entry.status}${entry.failure ? `, ${entry.failure.code}` : ''}`,
    {
      event_type: 'sample_processed',
      [attribute.sampleId]: entry.id.slice(0, 200),
      [attribute.datasetName]: name,
      [attribute.processingStage]: work.name,
      status: entry.status,
      duration_ms: Math.round(entry.tookSeconds * 1000),
      ...(entry.failure && { [attribute.errorType]: entry.failure.code }),
      ...(entry.scores?.dnsmos && { [attribute.qualityDnsmos]: entry.scores.dnsmos.overall }),
    },
    context,
  );
}
