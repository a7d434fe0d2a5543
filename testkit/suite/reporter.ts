import { relative } from 'node:path';
import { format } from 'node:util';
import Mocha from 'mocha';
import { sendSignal } from '../../launcher/process-identity.ts';
import { descendantsOf } from './descendants.ts';
import type { Failure, Message, TimedTest } from './report.ts';

const { EVENT_RUN_END, EVENT_SUITE_BEGIN, EVENT_SUITE_END, EVENT_TEST_FAIL, EVENT_TEST_PASS } = Mocha.Runner.constants;

/** Mocha's own report, which is also sent to the suite that runs several processes of mocha. */
export default class SuiteReporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const tests: TimedTest[] = [];
    const failures: Failure[] = [];
    const fileMs: Record<string, number> = {};
    let beganMs = 0;
    const send = (message: Message, sent?: () => void) => process.send?.(message, undefined, undefined, sent);
    const ended = (test: Mocha.Test) =>
      tests.push({ title: test.fullTitle(), file: fileOf(test), ms: test.duration ?? 0 });
    runner.on(EVENT_SUITE_BEGIN, (suite) => {
      if (suite.parent?.root !== true) return;
      beganMs = performance.now();
      send({ kind: 'file', file: fileOf(suite) });
    });
    runner.on(EVENT_SUITE_END, (suite) => {
      if (suite.parent?.root !== true) return;
      const file = fileOf(suite);
      fileMs[file] = (fileMs[file] ?? 0) + performance.now() - beganMs;
    });
    runner.on(EVENT_TEST_PASS, ended);
    runner.on(EVENT_TEST_FAIL, (test) => {
      ended(test);
      failures.push({ text: textOf(test) });
    });
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures: failed, pending } = this.stats as Mocha.Stats;
      const report = {
        passed: passes,
        failed,
        skipped: pending,
        failures,
        tests,
        fileMs,
        left: descendantsOf(process.pid),
      };
      // The channel may not hold the process open: the suite looks for what does.
      send({ kind: 'end', report }, () => process.channel?.unref());
    });
    // Without the suite nobody waits for these tests.
    process.once('disconnect', () => {
      for (const { pid } of descendantsOf(process.pid)) sendSignal(pid, 'SIGKILL');
      process.exit(1);
    });
  }
}

function fileOf({ file }: { file?: string | undefined }): string {
  return relative(process.cwd(), file ?? '');
}

function textOf(test: Mocha.Test): string {
  const base = Mocha.reporters.Base;
  const lines: string[] = [];
  const { consoleLog } = base;
  base.consoleLog = (...given: unknown[]) => lines.push(format(...given));
  try {
    base.list([test]);
  } finally {
    base.consoleLog = consoleLog;
  }
  return lines.join('\n').replace(/^\n+/, '');
}
