import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { readConfig } from '../../src/config.ts';
import { openJobs } from '../../src/jobs/open-jobs.ts';
import type { Perform } from '../../src/jobs/run-attempt.ts';
import { Meter } from '../../src/telemetry/meter.ts';

// A replica that does nothing but jobs: each leaves its upload again, with the attempt's number.

const workMs = Number(process.env.REPLICA_WORK_MS ?? 20);

const perform: Perform = async (job, { folder, work, signal }) => {
  const [upload] = job.request.files;
  const sent = upload ? await readFile(join(work, upload.path), 'utf8') : '';
  if (workMs > 0) await pause(Math.random() * 2 * workMs, undefined, { signal });
  await writeFile(join(folder, 'answer'), `${sent} by attempt ${job.attempt}`);
  return { contentType: 'text/plain', file: 'answer', fileName: 'answer.txt', facts: {} };
};

const jobs = await openJobs(readConfig(), new Meter(), perform);
await jobs.worker.start();
process.once('SIGTERM', () => {
  void jobs[Symbol.asyncDispose]().then(() => process.exit(0));
});
// The jobs' timers keep no process alive.
setInterval(() => undefined, 60_000);
console.log('started');
