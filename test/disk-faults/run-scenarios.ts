import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SeededRandom } from '../../src/tasks/mathematics/seeded-random.ts';
import { silenceTerminal } from '../../src/telemetry/logger.ts';
import { type Duration, durations, FailingDisk, type Fault, failuresOf } from './failing-disk.ts';
import { groundOf, type Scenario } from './scenario.ts';
import { scenarios } from './scenarios.ts';

// Runs in a process with failing-disk.c. Each scenario runs once on a disk that works, where its
// calls are counted. Then it runs once for every call, every error and every duration, or for a
// sample. It prints a line of JSON for each run that went wrong, and after each run the counts.

type Plan = { scenario: Scenario; fault: Fault; round: number };

const { values } = parseArgs({
  options: {
    scenario: { type: 'string', multiple: true },
    seed: { type: 'string', default: '1' },
    /** Runs until so many milliseconds have passed; without it all. */
    msMax: { type: 'string' },
    /** This part of all runs, of so many. */
    part: { type: 'string', default: '0' },
    parts: { type: 'string', default: '1' },
    /** As `spool:17:EIO:once`: this one run alone. */
    only: { type: 'string' },
  },
});

if (!process.env.LOUD) silenceTerminal();
process.on('unhandledRejection', (error) => failures.push(`unhandled: ${(error as Error)?.stack ?? error}`));
let failures: string[] = [];
const control = process.env.VITRINE_FAILING_DISK;
if (!control) throw new Error('Run this by way of test/disk-faults/fail-everything.ts');
const disk = FailingDisk.open(control);
const root = await mkdtemp(join(tmpdir(), 'vitrine-faults-'));
const counts = { calls: 0, runs: 0, failed: 0, wrong: 0, skipped: 0 };
const report = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);

try {
  const chosen = scenarios.filter((one) => values.scenario?.includes(one.name) ?? !one.byNameOnly);
  const plans: Plan[] = [];
  const random = new SeededRandom(Number(values.seed), 'file operations');
  for (const scenario of chosen) {
    // A machine that is very busy has a second chance.
    const trouble = (await runOne(scenario, undefined)) && (await runOne(scenario, undefined));
    if (trouble) throw new Error(`${scenario.name} fails on a disk that works: ${trouble}`);
    const { kinds } = disk;
    counts.calls += kinds.length;
    for (const [index, kind] of kinds.entries())
      for (const failure of failuresOf[kind])
        for (const [round, duration] of shuffled(durationsOf(scenario), random).entries())
          plans.push({ scenario, fault: { call: index + 1, failure, duration }, round });
  }
  // Where there is no time for all, every call has failed in every way before one of them does so for
  // another time.
  const mine = values.only
    ? [only(values.only)]
    : shuffled(plans, random)
        .sort((a, b) => a.round - b.round)
        .filter((_, index) => index % Number(values.parts) === Number(values.part));
  const endsAt = performance.now() + Number(values.msMax ?? Number.POSITIVE_INFINITY);
  let ending = false;
  process.once('SIGTERM', () => {
    ending = true;
  });
  for (const { scenario, fault } of mine) {
    if (ending || performance.now() > endsAt) {
      counts.skipped += 1;
      continue;
    }
    const trouble = await runOne(scenario, fault);
    counts.runs += 1;
    counts.failed += disk.failed;
    if (trouble) {
      counts.wrong += 1;
      const run = `${scenario.name}:${fault.call}:${fault.failure}:${fault.duration}`;
      report({ run, at: disk.first.replace(root, ''), failed: disk.failed, trouble });
    }
    report({ ...counts, of: mine.length });
  }
  report({ ...counts, of: mine.length });
} finally {
  disk.end();
  await rm(root, { recursive: true, force: true });
}
process.exit();

async function runOne(scenario: Scenario, fault: Fault | undefined): Promise<string | undefined> {
  const own = await mkdtemp(join(root, 'run-'));
  const [folder, alias] = [join(own, 'data'), join(own, 'alias')];
  await mkdir(folder);
  await symlink(folder, alias);
  failures = [];
  disk.begin(folder, fault);
  const ground = groundOf(scenario, folder, alias, disk);
  try {
    await scenario.run(ground);
  } catch (error) {
    failures.push(`${(error as Error).stack?.split('\n').slice(0, 6).join('\n')}; said: ${ground.said.join(' | ')}`);
  } finally {
    disk.end();
    // A run that went wrong may still be at work in it.
    await rm(own, { recursive: true, force: true, maxRetries: 20 });
  }
  return failures.length > 0 ? failures.join('\n') : undefined;
}

function durationsOf(scenario: Scenario): Duration[] {
  return [...(scenario.durations ?? (Object.keys(durations) as Duration[]))];
}

function only(text: string): Plan {
  const [name, call, failure, duration] = text.split(':');
  const scenario = scenarios.find((one) => one.name === name)!;
  return { scenario, fault: { call: Number(call), failure, duration } as Fault, round: 0 };
}

function shuffled<T>(all: T[], random: SeededRandom): T[] {
  return all
    .map((value) => ({ value, place: random.uniform() }))
    .sort((a, b) => a.place - b.place)
    .map(({ value }) => value);
}
