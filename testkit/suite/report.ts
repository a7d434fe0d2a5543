/** What one mocha process says of its tests: the reporter sends it, the suite adds it up. */
export type Report = {
  passed: number;
  failed: number;
  skipped: number;
  failures: readonly Failure[];
  tests: readonly TimedTest[];
  /** By file, hooks included. */
  fileMs: Readonly<Record<string, number>>;
  /** Processes that the tests started and that still run. */
  left: readonly LeftProcess[];
};

/** As mocha prints it, beginning with "1)". */
export type Failure = { text: string };
export type TimedTest = { title: string; file: string; ms: number };
export type LeftProcess = { pid: number; startedAt: string; command: string };

export type Message = { kind: 'file'; file: string } | { kind: 'end'; report: Report };

export const nothingRun: Report = {
  passed: 0,
  failed: 0,
  skipped: 0,
  failures: [],
  tests: [],
  fileMs: {},
  left: [],
};

export function add(a: Report, b: Report): Report {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    failures: [...a.failures, ...b.failures],
    tests: [...a.tests, ...b.tests],
    fileMs: { ...a.fileMs, ...b.fileMs },
    left: [...a.left, ...b.left],
  };
}

/** Failures once more, the slowest tests, and the counts as the last line, which machines read. */
export function summarize({ passed, failed, skipped, failures, tests }: Report): string {
  const repeated = failures.map(({ text }, at) => text.replace(/ {2}1\)/, `  ${at + 1})`));
  const slowest = [...tests]
    .sort((a, b) => b.ms - a.ms)
    .slice(0, 10)
    .map(({ title, file, ms }) => `${(ms / 1000).toFixed(1).padStart(7)} s  ${title} (${file})`);
  return [
    ...(repeated.length > 0 ? ['Failed:', '', ...repeated] : []),
    'The slowest tests:',
    ...slowest,
    '',
    `${passed} passed, ${failed} failed, ${skipped} skipped`,
    '',
  ].join('\n');
}
