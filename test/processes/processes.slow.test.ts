import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { infer, type SeveralProcesses, SteadyCallers, startSeveral } from '../../testkit/several-processes.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('several processes of the service', function () {
  this.timeout(900_000);

  let several: SeveralProcesses;

  before(async () => {
    several = await startSeveral(2);
  });

  after(async () => {
    await several[Symbol.asyncDispose]();
  });

  it('share the port, each with models, folder and instance id of its own', async () => {
    await using callers = new SteadyCallers(several.url, 6);
    await callers.more(50);
    const standings = await waitFor(
      'each to have its part of the connections',
      async () => {
        const all = await several.standings();
        return all.length === 2 && all.every(({ connections }) => connections >= 2) && all;
      },
      { deadlineMs: 300_000 },
    );
    assert.deepEqual(
      standings.map(({ process }) => process),
      [1, 2],
    );
    assert.equal(new Set(standings.map(({ instance }) => instance)).size, 2);
    assert.equal(new Set(standings.map(({ pid }) => pid)).size, 2);
    for (const part of ['service', 'service-2']) assert.ok(existsSync(`${several.data}/${part}/spool`));
    assert.deepEqual(callers.failed, []);
  });

  it('lose with one that is killed only what it worked on, and it is back as the same instance', async () => {
    const before = await several.standings();
    await using callers = new SteadyCallers(several.url, 4);
    for (const number of [2, 1]) {
      await callers.more(50);
      const failedBefore = callers.failed.length;
      const { pid, restarts, connections } = (await several.standings()).find(({ process }) => process === number)!;
      process.kill(pid!, 'SIGKILL');
      await several.ready((all) => all.some((one) => one.process === number && one.restarts > restarts));
      // Each caller has one request at a time, and this process had so many connections.
      assert.ok(callers.failed.length - failedBefore <= connections, callers.failed.join('\n'));
    }
    await waitFor(
      'the callers to be shared out again',
      async () => (await several.standings()).every(({ connections }) => connections >= 2),
      { deadlineMs: 300_000 },
    );
    const after = await several.standings();
    assert.deepEqual(
      after.map(({ instance }) => instance),
      before.map(({ instance }) => instance),
    );
    assert.deepEqual(
      callers.failed.filter((each) => !/ECONNRESET|EPIPE/.test(each)),
      [],
    );
  });

  it('restart one after the other at SIGHUP, and no request fails', async () => {
    const before = await several.standings();
    await using callers = new SteadyCallers(several.url, 4);
    await callers.more(50);
    process.kill(several.service.pid, 'SIGHUP');
    const sawBoth = { ready: true };
    const watching = watchReady(several.url, sawBoth);
    const after = await several.ready((all) => all.every(({ restarts }, at) => restarts > before[at]!.restarts));
    watching.end();
    await callers.more(50);
    assert.deepEqual(callers.failed, []);
    assert.ok(sawBoth.ready, '/ready failed meanwhile');
    assert.deepEqual(
      after.map(({ instance }) => instance),
      before.map(({ instance }) => instance),
    );
    assert.ok(after.every(({ pid }, at) => pid !== before[at]?.pid));
  });

  it('keep a connection that comes while no process is there', async () => {
    const before = await several.standings();
    const pids = before.map(({ pid }) => pid!);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    // Sent to a port behind which nobody is.
    const outcome = await infer(several.url);
    assert.ok('status' in outcome, JSON.stringify(outcome));
    await several.ready((all) => all.every(({ restarts }, at) => restarts > before[at]!.restarts));
  });

  it('end in order when the first process is killed, and leave no orphan', async () => {
    await using own = await startSeveral(2, { VITRINE_STOP_MS_MAX: '5000' });
    const pids = (await own.standings()).map(({ pid }) => pid!);
    await own.service.kill('SIGKILL');
    await waitFor('the others to end', () => pids.every((pid) => !isAlive(pid)), { deadlineMs: 240_000 });
    assert.match(own.service.said(), /Stopping: the first process has ended/);
    // The folders are free for the next start.
    await using again = await startSeveral(2, {}, { data: own.data });
    assert.equal((await again.standings()).length, 2);
  });

  it('stop in order at SIGTERM: all of them, with exit status 0', async () => {
    await using own = await startSeveral(2);
    const pids = (await own.standings()).map(({ pid }) => pid!);
    assert.equal(await own.service.kill('SIGTERM'), 0, own.service.said());
    assert.ok(pids.every((pid) => !isAlive(pid)));
    assert.ok(!existsSync(`${own.data}/processes/sockets`));
  });

  it('replace one whose event loop stands still', async () => {
    await using own = await startSeveral(2, { VITRINE_PROCESS_SILENT_MS_MAX: '3000' });
    const { pid } = (await own.standings()).find(({ process }) => process === 2)!;
    process.kill(pid!, 'SIGSTOP');
    // New connections go to the other one.
    await waitFor(
      'answers from the other',
      async () => {
        const outcomes = await Promise.race([
          Promise.all([infer(own.url), infer(own.url)]),
          new Promise<undefined>((done) => setTimeout(() => done(undefined), 2_000)),
        ]);
        return outcomes?.every((one) => 'status' in one && one.status === 200);
      },
      { deadlineMs: 120_000 },
    );
    await own.ready((all) => all.some(({ process, restarts }) => process === 2 && restarts === 1));
  });

  it('end the start with one sentence when a setting cannot be used', async () => {
    await assert.rejects(startSeveral(2, { VITRINE_BIND: '0.0.0.0' }), (error: Error) => {
      assert.equal(error.message.match(/Cannot listen on 0\.0\.0\.0/g)?.length, 1, error.message);
      return true;
    });
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Notes whether /ready ever failed until `end` is called. */
function watchReady(url: string, seen: { ready: boolean }): { end(): void } {
  let over = false;
  void (async () => {
    while (!over) {
      const answer = await fetch(`${url}/ready`).catch(() => undefined);
      if (answer && answer.status !== 200) seen.ready = false;
      await new Promise((done) => setTimeout(done, 50));
    }
  })();
  return { end: () => (over = true) };
}
