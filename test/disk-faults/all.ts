import { failEverything } from './fail-everything.ts';

// npm run faults:files [scenario …]: every file operation of every scenario fails, in every way and for every duration.

const begun = performance.now();
const scenarios = process.argv.slice(2);
const outcome = await failEverything({
  seed: 1,
  workers: 4,
  ...(scenarios.length > 0 && { scenarios }),
  onWrong: ({ run, at, failed, trouble }) =>
    process.stdout.write(`${run} (${failed} failed, first ${at}): ${trouble}\n\n`),
});
if ('unavailable' in outcome) {
  process.stdout.write(`Cannot fail file operations: ${outcome.unavailable}.\n`);
} else {
  const { calls, runs, failed, wrong } = outcome;
  const minutes = ((performance.now() - begun) / 60_000).toFixed(1);
  process.stdout.write(
    `${calls} file operations of the scripted runs; ${runs} runs with a failure, in which ${failed} calls failed; ${wrong.length} went wrong; ${minutes} minutes.\n`,
  );
  process.exitCode = wrong.length > 0 ? 1 : 0;
}
