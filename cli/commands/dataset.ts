import { join, resolve } from 'node:path';
import { takeLock } from '../../launcher/process-lock.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { readConfig } from '../../src/config.ts';
import { readWeights, runDatasetIn } from '../../src/dataset.ts';

export type DatasetArguments = {
  operation: 'score' | 'enhance';
  folder: string;
  name: string;
  out?: string;
  references?: string;
  weights?: string;
  model?: string;
  stem?: string;
  workers?: string;
  json?: boolean;
};

/**
 * Works through a folder of sounds. Answers 0 when every file has a result or a reason for its
 * exclusion, 1 when something else failed, 130 when it was interrupted.
 */
export async function dataset(given: DatasetArguments): Promise<number> {
  const { operation, folder, name } = given;
  const workers = given.workers === undefined ? undefined : Number(given.workers);
  if (workers !== undefined && !(Number.isInteger(workers) && workers >= 1 && workers <= 256))
    throw new StackFailure(`Cannot use --workers ${given.workers}: give a whole number from 1 to 256.`);
  const weights = readWeights(given.weights);
  const data = resolve(import.meta.dirname, '../..', readConfig().data);
  // Two runs of one dataset would share its state and its telemetry.
  const lock = await takeLock(join(data, 'datasets', `${name.replace(/[^\w.-]/g, '_')}.lock`));
  if ('owner' in lock)
    throw new StackFailure(
      `Cannot work on the dataset ${name}: another run does (pid ${lock.owner.pid}); wait for it, or give another --name.`,
    );
  const breaking = breakOffOnSignal();
  try {
    const {
      report,
      folder: out,
      brokenOff,
    } = await runDatasetIn({
      ...{ operation, folder, name, weights, workers },
      out: given.out,
      references: given.references,
      model: given.model ?? 'harmonic-percussive',
      stem: given.stem ?? 'harmonic',
      signal: breaking.signal,
      progress: process.stderr,
    });
    const { rows, ...summary } = report;
    const files = ['report.html', 'report.csv', 'report.json'].map((file) => join(out, file));
    const words = given.json
      ? JSON.stringify({ ...summary, reports: files })
      : [
          `${summary.success} done, ${summary.excluded} excluded, ${summary.failed} failed, of ${summary.files} files.`,
          ...(brokenOff ? ['Broken off; the same command goes on from here.'] : []),
          ...files,
        ].join('\n');
    process.stdout.write(`${words}\n`);
    return brokenOff ? 130 : rows.some(({ status }) => status === 'failed') ? 1 : 0;
  } finally {
    breaking.done();
    await lock.release();
  }
}

/**
 * The first signal breaks off in order. A terminal's Ctrl-C comes twice, by itself and through
 * vitrine.mjs; one that comes later ends at once.
 */
function breakOffOnSignal(): { signal: AbortSignal; done(): void } {
  const abort = new AbortController();
  let firstAt = 0;
  const heard = () => {
    if (!abort.signal.aborted) {
      firstAt = performance.now();
      process.stderr.write('\nBreaking off; once more ends at once.\n');
      abort.abort();
    } else if (performance.now() - firstAt > 1000) process.exit(130);
  };
  process.on('SIGINT', heard);
  process.on('SIGTERM', heard);
  return {
    signal: abort.signal,
    done: () => {
      process.off('SIGINT', heard);
      process.off('SIGTERM', heard);
    },
  };
}
