import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { isRunning } from '../../launcher/process-identity.ts';
import type { Job } from '../../testkit/suite/plan-suite.ts';
import { nothingRun, summarize } from '../../testkit/suite/report.ts';
import { type MochaOptions, runMocha } from '../../testkit/suite/run-mocha.ts';
import { runSuite } from '../../testkit/suite/run-suite.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

const passes = "describe('a file', () => { it('passes', () => undefined); });";

describe('a process of mocha', function () {
  this.timeout(120_000);

  it('reports what passed, failed and was skipped, with the text of a failure', async () => {
    const { report, output } = await run({
      'one.test.mjs': passes,
      'two.test.mjs':
        "describe('another', () => { it('fails', () => { throw new Error('of its own'); }); it.skip('waits'); });",
    });
    assert.deepEqual([report.passed, report.failed, report.skipped], [1, 1, 1]);
    assert.match(report.failures[0]?.text ?? '', /1\) another\s+fails:\s+Error: of its own/);
    assert.match(output, /1 passing/);
    assert.deepEqual(report.left, []);
    assert.match(summarize(report), /another fails .*two\.test\.mjs[\s\S]*\n1 passed, 1 failed, 1 skipped\n$/);
  });

  it('that crashes is a failure with the name of the file in which it did', async () => {
    const { report } = await run({
      'one.test.mjs': passes,
      'two.test.mjs': "describe('it', () => { it('dies', () => process.kill(process.pid, 'SIGKILL')); });",
    });
    assert.equal(report.failed, 1);
    assert.match(report.failures[0]?.text ?? '', /two\.test\.mjs: its process ended before its tests \(SIGKILL\)/);
  });

  it('that does not end after its last test is killed, and is a failure', async () => {
    const { report } = await run({ 'one.test.mjs': `${passes} setInterval(() => {}, 1000);` }, { lingerMsMax: 200 });
    assert.deepEqual([report.passed, report.failed], [1, 1]);
    assert.match(report.failures[0]?.text ?? '', /one\.test\.mjs: the process does not end/);
  });

  it('that never comes to its last test is killed, and is a failure', async () => {
    const forever = "describe('it', () => { it('hangs', () => new Promise(() => setInterval(() => {}, 1000))); });";
    const { report } = await run({ 'one.test.mjs': forever }, { runMsMax: 4_000 });
    assert.equal(report.failed, 1);
    assert.match(report.failures[0]?.text ?? '', /it has run for/);
  });

  it('that leaves another process running is a failure, and that process is killed', async function () {
    if (process.platform !== 'linux') this.skip();
    const { report } = await run(
      {
        'one.test.mjs': `import { spawn } from 'node:child_process'; ${passes}
          describe('another', () => { it('starts one', () => {
            spawn('sleep', ['1234'], { detached: true, stdio: 'inherit' }).unref();
          }); });`,
      },
      { leftMsMax: 100 },
    );
    assert.deepEqual([report.passed, report.failed], [2, 1]);
    assert.match(report.failures[0]?.text ?? '', /one\.test\.mjs: sleep 1234 \(\d+\) was left running/);
    const [left] = report.left;
    assert.ok(left);
    await waitFor('its end', async () => !(await isRunning(left)));
  });

  it('steps behind others where it is to, with all that it starts', async () => {
    const { report } = await run(
      {
        'one.test.mjs': `import { execFileSync } from 'node:child_process'; import { getPriority } from 'node:os';
          const below = Number(execFileSync(process.execPath, ['-p', 'os.getPriority()']));
          describe('a file', () => { it(\`has \${getPriority()} and \${below}\`, () => undefined); });`,
      },
      { nice: 7 },
    );
    assert.deepEqual(
      report.tests.map(({ title }) => title),
      [`a file has ${getPriority() + 7} and ${getPriority() + 7}`],
    );
  });

  it('that is stopped ends at once', async () => {
    const forever = "describe('it', () => { it('hangs', () => new Promise(() => setInterval(() => {}, 1000))); });";
    const { report } = await run({ 'one.test.mjs': forever }, { stop: AbortSignal.abort() });
    assert.match(report.failures[0]?.text ?? '', /it was stopped/);
  });
});

describe('a suite', () => {
  const job = (name: string, place: Job['place'] = 'beside'): Job => ({ files: [name], seconds: 1, place });
  const jobs = [job('a'), job('b'), job('c'), job('d', 'alone')];

  it('begins one more than there are processors at once, another when there is room, and those that run alone at the end', async () => {
    const rig = new Rig();
    const whole = rig.suite(jobs, { cores: 1, jobsMax: 3 });
    await rig.began('b');
    assert.deepEqual(rig.running(), ['a', 'b']);
    rig.makeRoom();
    await rig.began('c');
    assert.deepEqual(rig.running(), ['a', 'b', 'c']);
    for (const name of ['a', 'b']) rig.end(name);
    rig.makeRoom();
    rig.end('c');
    await rig.began('d');
    assert.deepEqual(rig.running(), ['d']);
    rig.end('d');
    assert.equal((await whole).passed, 4);
  });

  it('begins no other where one has ended and the machine is busy', async () => {
    const rig = new Rig();
    const whole = rig.suite(jobs.slice(0, 3), { cores: 1, jobsMax: 3 });
    await rig.began('b');
    rig.end('a');
    await rig.began('c');
    assert.deepEqual(rig.running(), ['b', 'c']);
    for (const name of ['b', 'c']) rig.end(name);
    assert.equal((await whole).passed, 3);
  });

  it('runs as many of those that go first as there are processors, and others beside them', async () => {
    const rig = new Rig();
    const whole = rig.suite([job('a', 'first'), job('b', 'first'), job('c', 'first'), job('d')], {
      cores: 2,
      jobsMax: 3,
    });
    await rig.began('d');
    assert.deepEqual(rig.running(), ['a', 'b', 'd']);
    rig.end('d');
    rig.end('a');
    await rig.began('c');
    assert.deepEqual(rig.running(), ['b', 'c']);
    for (const name of ['b', 'c']) rig.end(name);
    assert.equal((await whole).passed, 4);
  });

  it('begins nothing more once it is stopped', async () => {
    const rig = new Rig();
    const whole = rig.suite(jobs, { cores: 1, jobsMax: 1 });
    await rig.began('a');
    rig.stop.abort();
    rig.end('a');
    assert.equal((await whole).passed, 1);
  });
});

/** Jobs that end when the test says so, on a machine with room when the test says so. */
class Rig {
  readonly stop = new AbortController();
  readonly #begun = new Map<string, PromiseWithResolvers<void>>();
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();
  #room = Promise.withResolvers<boolean>();

  async suite(jobs: readonly Job[], limits: { cores: number; jobsMax: number }) {
    return runSuite(jobs, {
      ...limits,
      stop: this.stop.signal,
      onEnd: () => undefined,
      room: () => this.#room.promise,
      run: async ({ files: [name = ''] }) => {
        const end = Promise.withResolvers<void>();
        this.#ends.set(name, end);
        this.#of(name).resolve();
        await end.promise;
        return { report: { ...nothingRun, passed: 1 }, output: '' };
      },
    });
  }

  began(name: string): Promise<void> {
    return this.#of(name).promise;
  }

  running(): string[] {
    return [...this.#ends.keys()];
  }

  end(name: string): void {
    this.#ends.get(name)?.resolve();
    this.#ends.delete(name);
  }

  makeRoom(): void {
    const room = this.#room;
    this.#room = Promise.withResolvers();
    room.resolve(true);
  }

  #of(name: string): PromiseWithResolvers<void> {
    const known = this.#begun.get(name) ?? Promise.withResolvers<void>();
    this.#begun.set(name, known);
    return known;
  }
}

async function run(files: Record<string, string>, options: Partial<MochaOptions> = {}) {
  await using folder = await temporaryFolder();
  const paths = Object.keys(files).map((name) => join(folder.path, name));
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder.path, name), text)));
  return await runMocha(paths, { stop: new AbortController().signal, ...options });
}
