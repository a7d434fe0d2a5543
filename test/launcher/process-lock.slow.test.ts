import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findPortHolder } from '../../launcher/port-holder.ts';
import { identify, isRunning } from '../../launcher/process-identity.ts';
import { takeLock } from '../../launcher/process-lock.ts';

describe('the lock between processes', function () {
  this.timeout(60_000);
  const children: ChildProcess[] = [];
  let folder: string;
  let path: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vitrine-lock-'));
    path = join(folder, 'lock');
  });

  afterEach(async () => {
    for (const child of children.splice(0))
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await rm(folder, { recursive: true, force: true });
  });

  async function otherTakesIt(): Promise<{ child: ChildProcess; answer: string }> {
    const child = spawn(process.execPath, [join(import.meta.dirname, 'programs/take-lock.ts'), path], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    children.push(child);
    const [answer] = (await once(child.stdout, 'data')) as [Buffer];
    return { child, answer: answer.toString().trim() };
  }

  it('is taken over when a power cut left it without its content', async () => {
    await writeFile(path, '');
    assert.ok('release' in (await takeLock(path)));
  });

  it('names its owner to everyone else', async () => {
    const { child, answer } = await otherTakesIt();
    assert.equal(answer, 'taken');
    const mine = await takeLock(path);
    assert.equal('owner' in mine && mine.owner.pid, child.pid);
  });

  it('is free again after its release', async () => {
    const first = await takeLock(path);
    assert.ok('release' in first);
    await first.release();
    assert.ok('release' in (await takeLock(path)));
  });

  it('is taken over from an owner that was killed', async () => {
    const { child } = await otherTakesIt();
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok('release' in (await takeLock(path)));
  });

  it('is taken over when another process has its owner’s pid by now', async () => {
    await writeFile(path, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
    assert.ok('release' in (await takeLock(path)));
  });

  it('goes to exactly one of many that find it left behind', async () => {
    for (let round = 0; round < 30; round++) {
      await writeFile(path, JSON.stringify({ pid: process.pid, startedAt: 'long ago' }));
      const locks = await Promise.all(Array.from({ length: 20 }, () => takeLock(path)));
      const taken = locks.filter((lock) => 'release' in lock);
      assert.equal(taken.length, 1, `round ${round}`);
      assert.deepEqual(await readdir(folder), ['lock']);
      await taken[0]?.release();
    }
  });
});

describe('the identity of a process', () => {
  it('holds while it runs and no longer', async () => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], { stdio: ['pipe', 'ignore', 'inherit'] });
    const identity = await identify(child.pid ?? 0);
    assert.ok(identity);
    assert.equal(await isRunning(identity), true);
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.equal(await isRunning(identity), false);
  });
});

describe('the holder of a port', () => {
  it('is found by pid and command', async () => {
    const { createServer } = await import('node:net');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const holder = await findPortHolder(port);
    server.close();
    assert.equal(holder?.pid, process.pid);
    assert.match(holder?.command ?? '', /mocha/);
  });

  it('is nobody for a port where none listens', async () => {
    assert.equal(await findPortHolder(1), undefined);
  });
});
