import { readFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { cacheFolder } from '../../launcher/cache-folder.ts';
import { ensureImages, type Images, imagesAreThere } from '../../launcher/ground/build-images.ts';
import { DockerEngine } from '../../launcher/ground/docker-engine.ts';
import { groundNeeds } from '../../launcher/ground/ground-needs.ts';
import { ensureGroundServers, groundMinutes } from '../../launcher/ground/ground-servers.ts';
import { makeOwnedFolder, removeOwnedFolder, sweepOwnedFolders } from '../../launcher/ground/owned-folders.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { root, testFiles } from '../suite/plan-suite.ts';
import { add, nothingRun, type Report, summarize } from '../suite/report.ts';
import { runMocha } from '../suite/run-mocha.ts';
import { unbuiltServers } from '../unbuilt-servers.ts';
import { apart } from './apart.ts';
import { commitBefore } from './commit-before.ts';
import { machineTraces, markedProcesses, othersRun } from './machine-traces.ts';
import { secondStores } from './second-stores.ts';

/** What stands beside `// outside:` at the top of a file is why it needs this machine's network. */
const outsideMark = /^\/\/ outside: \S/m;

/** On two processors with nothing else to do. */
const imagesMinutes = 5;
const testsMinutes = 12;

/** Every file takes this long at most. */
const fileMsMax = 25 * 60_000;

/**
 * Runs `*.ground.test.ts`, one file after the other; answers 0 when none failed. Where the machine
 * cannot run them, or VITRINE_GROUND_MINUTES is too little for what is to be built, they are skipped
 * with the reason.
 */
export async function testGround(files: readonly string[]): Promise<number> {
  const chosen = files.length > 0 ? files : testFiles('ground');
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stop.abort(new StackFailure('The tests were stopped.')));
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const reason = await whyNot();
  if (reason !== undefined) {
    say(`The ground is skipped. ${reason}`);
    const { report } = await runMocha(chosen, {
      stop: stop.signal,
      env: { ...process.env, VITRINE_GROUND_SKIP: reason },
    });
    process.stdout.write(summarize(report));
    return report.failed > 0 ? 1 : 0;
  }
  for (const name of await sweepOwnedFolders()) say(`Removed ${name}, which a run that was killed had left.`);
  await ensureGroundServers({ onStep: say, signal: stop.signal });
  const { images, from } = await buildImages(say, stop.signal);
  const report = await runFiles(chosen, stop.signal, from);
  process.stdout.write(images.map(({ name, bytes }) => `image ${name} ${Math.round(bytes / 1e6)} MB\n`).join(''));
  process.stdout.write(summarize(report));
  return report.failed > 0 || stop.signal.aborted ? 1 : 0;
}

async function whyNot(): Promise<string | undefined> {
  const folder = cacheFolder();
  await mkdir(folder, { recursive: true });
  const [need] = await groundNeeds(folder);
  if (need !== undefined) return need;
  const minutes = Number(process.env.VITRINE_GROUND_MINUTES || Infinity);
  const builds = (await groundMinutes()) + ((await imagesAreThere()) ? 0 : imagesMinutes);
  if (minutes >= builds + testsMinutes) return undefined;
  return `It takes about ${builds + testsMinutes} min (${builds} of them for what is not in ${folder}), and ${minutes} are left (VITRINE_GROUND_MINUTES); run npm run test:ground by itself.`;
}

/** All that the files will look for in the cache, since most of them cannot reach a registry. */
async function buildImages(onStep: (text: string) => void, signal: AbortSignal): Promise<Images> {
  // One engine builds both commits, so that what they have in common is built once.
  await using engine = (await imagesAreThere()) ? undefined : await DockerEngine.start({ network: 'shared', signal });
  const options = { onStep, signal, engine };
  const { images, from } = await ensureImages(options);
  const before = await commitBefore(options);
  if ('folder' in before) await before[Symbol.asyncDispose]();
  if ((await unbuiltServers(secondStores)) !== undefined) return { images, from };
  const { images: second } = await ensureImages({ ...options, backends: secondStores });
  return { images: [...images, ...second.filter(({ id }) => images.every((one) => one.id !== id))], from };
}

/**
 * Two rows side by side: files that build wait for registries, the others for containers. Within a
 * row they run one after the other.
 */
async function runFiles(files: readonly string[], stop: AbortSignal, from: Images['from']): Promise<Report> {
  const before = await machineTraces();
  const isOutside = (file: string) => outsideMark.test(readFileSync(join(root, file), 'utf8'));
  const rows = [files.filter(isOutside), files.filter((file) => !isOutside(file))];
  const reports = await Promise.all(
    rows.map(async (row, index) => {
      let report = nothingRun;
      for (const file of row) if (!stop.aborted) report = add(report, await runFile(file, index > 0, stop, from));
      return report;
    }),
  );
  const left = await leftBehind(async () => {
    const traces = (await othersRun()) ? [] : await machineTraces();
    return [...traces].filter((trace) => !before.has(trace));
  });
  return withLeft(reports.reduce(add, nothingRun), 'the tests', left);
}

async function runFile(file: string, isApart: boolean, stop: AbortSignal, from: Images['from']): Promise<Report> {
  const startedAt = performance.now();
  const run = `${process.pid}-${Math.random().toString(36).slice(2)}`;
  const folder = await makeOwnedFolder('vitrine-ground-');
  const env = { ...process.env, TMPDIR: folder, VITRINE_GROUND_RUN: run, VITRINE_IMAGES: from };
  const within = isApart ? apart : [];
  const { report } = await runMocha([file], { live: true, stop, env, within, runMsMax: fileMsMax });
  const names = [folder, ...(await readdir(folder))].map((path) => basename(path));
  const left = await leftBehind(async () => [
    ...[...(await machineTraces())].filter((trace) => names.some((name) => trace.includes(name))),
    ...(await markedProcesses(`VITRINE_GROUND_RUN=${run}`)),
  ]);
  await removeOwnedFolder(folder);
  process.stdout.write(`── ${file}, ${Math.round((performance.now() - startedAt) / 1000)} s\n`);
  return withLeft(report, file, left);
}

/** An end may take the kernel a moment. */
async function leftBehind(look: () => Promise<string[]>): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const left = await look();
    if (left.length === 0 || tries === 50) return left;
    await pause(200);
  }
}

function withLeft(report: Report, file: string, left: readonly string[]): Report {
  const failures = left.map((text) => ({ text: `  1) ${file} left behind: ${text}\n` }));
  return { ...report, failed: report.failed + left.length, failures: [...report.failures, ...failures] };
}
