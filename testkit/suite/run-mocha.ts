import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isRunning, sendSignal } from '../../launcher/process-identity.ts';
import { descendantsOf } from './descendants.ts';
import { root } from './plan-suite.ts';
import { type LeftProcess, type Message, nothingRun, type Report } from './report.ts';

export type MochaRun = { readonly report: Report; readonly output: string };

export type MochaOptions = {
  /** Its output goes where that of this process goes, as it comes; otherwise it is collected. */
  readonly live?: boolean;
  readonly stop: AbortSignal;
  /** As in the command `nice`, for the process and for what its tests start. */
  readonly nice?: number;
  /** Put before the command, such as what makes a network namespace. */
  readonly within?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** A file that ends later than that never does. */
  readonly runMsMax?: number;
  /** To hold the process open after its last test, or to leave another running, is a defect. */
  readonly lingerMsMax?: number;
  readonly leftMsMax?: number;
};

/**
 * Runs files in one process of mocha. A process that crashes, hangs or leaves others running counts
 * as a failed test, which names the file.
 */
export async function runMocha(
  files: readonly string[],
  {
    live = false,
    stop,
    nice = 0,
    within = [],
    env,
    runMsMax = 30 * 60_000,
    lingerMsMax = 60_000,
    leftMsMax = 15_000,
  }: MochaOptions,
): Promise<MochaRun> {
  const [program = '', ...rest] = [...within, process.execPath, ...parameters(files)];
  const child = spawn(program, rest, {
    cwd: root,
    ...(env && { env }),
    // Ctrl-C reaches this process alone, which still knows what the tests have started.
    detached: true,
    stdio: live ? ['inherit', 'inherit', 'inherit', 'ipc'] : ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  if (nice > 0 && child.pid !== undefined) setPriority(child.pid, Math.min(getPriority() + nice, 19));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  const closed = once(child, 'close');
  const output: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.push(chunk));
  let report: Report | undefined;
  let file = files.length === 1 ? files[0] : `one of ${files.length} files, see its output`;
  let killed: string | undefined;
  const kill = (why: string) => {
    killed ??= why;
    killTree(child);
  };
  const stopped = () => kill('it was stopped');
  let deadline = setTimeout(() => kill(`it has run for ${runMsMax / 60_000} minutes`), runMsMax);
  child.on('message', (message: Message) => {
    if (message.kind === 'file') file = message.file;
    else {
      report = message.report;
      clearTimeout(deadline);
      deadline = setTimeout(() => kill('something that it started still runs'), lingerMsMax);
    }
  });
  if (stop.aborted) stopped();
  stop.addEventListener('abort', stopped);
  const [code, signal] = await exited;
  // A process that was left running may hold its output open.
  await Promise.race([closed, pause(2_000)]);
  child.stdout?.destroy();
  child.stderr?.destroy();
  stop.removeEventListener('abort', stopped);
  clearTimeout(deadline);
  const problems = [];
  if (report === undefined)
    problems.push(`${file}: its process ended before its tests (${killed ?? signal ?? `code ${code}`})`);
  else if (killed !== undefined) problems.push(`${files.join(', ')}: the process does not end (${killed})`);
  else if (report.failed === 0 && code !== 0)
    problems.push(`${files.join(', ')}: the process ended with ${signal ?? `code ${code}`} after its last test`);
  for (const left of await endLeft(report?.left ?? [], leftMsMax))
    problems.push(`${files.join(', ')}: ${left.command} (${left.pid}) was left running`);
  return { report: withProblems(report ?? nothingRun, problems), output: Buffer.concat(output).toString() };
}

function parameters(files: readonly string[]): string[] {
  const reporter = join(import.meta.dirname, 'reporter.ts');
  const color = process.stdout.hasColors?.() ?? process.env.FORCE_COLOR !== undefined;
  return [
    join(root, 'node_modules/mocha/bin/mocha.js'),
    color ? '--color' : '--no-color',
    '--reporter',
    reporter,
    ...(files.some((file) => file.endsWith('.ground.test.ts'))
      ? ['--require', join(root, 'testkit/ground/skip-all.ts')]
      : []),
    ...files,
  ];
}

/** Everything below the process first: what has lost its parent is no longer found. */
function killTree(child: ChildProcess): void {
  if (child.pid === undefined) return;
  for (const { pid } of descendantsOf(child.pid)) sendSignal(pid, 'SIGKILL');
  child.kill('SIGKILL');
}

/** Those that have not ended by themselves shortly after; they are killed. */
async function endLeft(left: readonly LeftProcess[], leftMsMax: number): Promise<LeftProcess[]> {
  const still: LeftProcess[] = [];
  const endsAt = performance.now() + leftMsMax;
  for (const one of left) {
    while ((await isRunning(one)) && performance.now() < endsAt) await pause(50);
    if (!(await isRunning(one))) continue;
    still.push(one);
    sendSignal(one.pid, 'SIGKILL');
  }
  return still;
}

function withProblems(report: Report, problems: readonly string[]): Report {
  const failures = problems.map((text) => ({ text: `  1) ${text}\n` }));
  return {
    ...report,
    failed: report.failed + problems.length,
    failures: [...report.failures, ...failures],
  };
}
