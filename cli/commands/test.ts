import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Progress } from '../../launcher/progress.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import { type ServerName, servers } from '../../launcher/servers.ts';
import { testGround } from '../../testkit/ground/test-ground.ts';
import {
  durationsPath,
  type Job,
  kindOf,
  planSuite,
  readDurations,
  root,
  testFiles,
} from '../../testkit/suite/plan-suite.ts';
import { type Report, summarize } from '../../testkit/suite/report.ts';
import { type MochaRun, runMocha } from '../../testkit/suite/run-mocha.ts';
import { runSuite } from '../../testkit/suite/run-suite.ts';

/** What stacks take; with less, fewer jobs run side by side. */
const jobBytes = 2 * 2 ** 30;

/**
 * Runs the tests, the quick ones first; answers 0 when none failed. `*.stack.test.ts` start the real
 * servers, `*.slow.test.ts` only our processes, or serve the big models. The others are quick and
 * start no process.
 */
export async function test({ files, quick = false, ground = false, record = false }: TestOptions): Promise<number> {
  if (ground) return testGround(files);
  const chosen = files.length > 0 ? files : testFiles(quick ? 'quick' : undefined);
  if (chosen.some((file) => kindOf(file) === 'stack')) await ensureServers();
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
  const cores = availableParallelism();
  const jobs = planSuite(chosen, { cores });
  const jobsMax = Math.max(1, Math.min(3 * cores, Math.floor(process.availableMemory() / jobBytes)));
  const report =
    jobs.length === 1
      ? (await runMocha(chosen, { live: true, stop: stop.signal })).report
      : await runSuite(jobs, { cores, jobsMax, stop: stop.signal, onEnd: printJob });
  if (record) await recordDurations(report);
  process.stdout.write(summarize(report));
  return report.failed > 0 || stop.signal.aborted ? 1 : 0;
}

type TestOptions = {
  readonly files: readonly string[];
  readonly quick?: boolean;
  readonly ground?: boolean;
  readonly record?: boolean;
};

/** Whole when it ends: lines of files that run side by side do not mix. */
function printJob({ files }: Job, { output }: MochaRun, ms: number): void {
  const name = files.length === 1 ? files[0] : `${files.length} files`;
  process.stdout.write(`── ${name}, ${Math.round(ms / 1000)} s\n${output}`);
}

/** Beside what is known of other files that there still are. */
async function recordDurations({ fileMs }: Report): Promise<void> {
  const measured = Object.entries(fileMs).map(([file, ms]) => [file, Math.round(ms / 100) / 10]);
  const rows: Record<string, number> = { ...readDurations(), ...Object.fromEntries(measured) };
  const sorted = Object.entries(rows)
    .filter(([file]) => existsSync(join(root, file)))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  await writeFile(durationsPath, `${JSON.stringify(Object.fromEntries(sorted), undefined, 2)}\n`);
}

/** Built before the first test, so that no test waits for a compiler. */
async function ensureServers(): Promise<void> {
  const progress = new Progress(process.stdout);
  const names = Object.keys(servers) as ServerName[];
  for (const [index, server] of names.entries()) {
    await ensureServer(server, {
      // Tests prove the build from modules, which is the same everywhere.
      env: { ...process.env, VITRINE_MIRROR: 'none' },
      onProgress: (now) =>
        progress.show({
          kind: 'build',
          title: servers[server].title,
          progress: now,
          number: index + 1,
          of: names.length,
        }),
    });
  }
  progress.close();
}
