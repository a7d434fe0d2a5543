import { parseArgs } from 'node:util';
import { failEverything } from './fail-everything.ts';

// npm run faults:files [scenario …]: every file operation of every scenario fails, in every way and
// for every duration. `--minutes` ends it after a sample, which `--seed` chooses; SIGTERM ends it
// after the runs that are under way.

const begun = performance.now();
const { values, positionals: scenarios } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string', default: '1' },
    minutes: { type: 'string' },
    workers: { type: 'string', default: '4' },
    /** As `spool:17:EIO:once`: this one run. */
    only: { type: 'string' },
  },
});
// The processes of the scenarios would go on.
const ending = new AbortController();
process.once('SIGTERM', () => ending.abort());
const outcome = await failEverything({
  signal: ending.signal,
  seed: Number(values.seed),
  workers: values.only === undefined ? Number(values.workers) : 1,
  ...(values.only !== undefined && { only: values.only }),
  ...(values.minutes !== undefined && { msMax: Number(values.minutes) * 60_000 }),
  ...(values.only !== undefined ? { scenarios: [values.only.split(':')[0]!] } : scenarios.length > 0 && { scenarios }),
  onWrong: ({ run, at, failed, trouble }) =>
    process.stdout.write(`${run} (${failed} failed, first ${at}): ${trouble}\n\n`),
  onRun: ({ runs, of, failed, wrong }) => {
    if (runs % 20 === 0)
      process.stdout.write(`${runs} of ${of} runs, ${failed} calls failed, ${wrong.length} runs went wrong\n`);
  },
});
if ('unavailable' in outcome) {
  process.stdout.write(`Cannot fail file operations: ${outcome.unavailable}.\n`);
} else {
  const { calls, runs, failed, skipped, wrong } = outcome;
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
  process.stdout.write(
    `${calls} file operations of the scripted runs; ${runs} runs with a failure, in which ${failed} calls failed; ${wrong.length} went wrong; ${skipped > 0 ? `${skipped} runs were left out; ` : ''}${minutes} minutes.\n`,
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
