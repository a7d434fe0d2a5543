import Mocha from 'mocha';

/** Mocha's own report, and at the very end one plain line of counts, which machines read. */
export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes, failures, pending } = this.stats;
      const counts = `${passes} passed, ${failures} failed, ${pending} skipped`;
      // The parent prints the last line after this process has ended.
      if (process.send) process.send({ counts }, () => process.channel?.unref());
      else process.stdout.write(`${counts}\n`);
    });
  }
}
