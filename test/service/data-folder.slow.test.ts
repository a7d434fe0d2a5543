import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { bareEnvironment } from '../../testkit/bare-environment.ts';
import { startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { startReceiver } from '../receiver/receiver-process.ts';

describe('a data folder', () => {
  for (const { part, program, start } of [
    { part: 'service', program: 'src/main.ts', start: startService },
    { part: 'receiver', program: 'src/receiver.ts', start: startReceiver },
  ]) {
    it(`has one ${part}: a second one says so, ends, and has changed nothing; after a kill the next one starts`, async function () {
      this.timeout(60_000);
      await using data = await temporaryFolder();
      const folder = join(data.path, part);
      const env = { VITRINE_DATA: data.path, OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' };
      {
        await using first = await start(env);
        // What a first one is writing at this moment, and a second one would tidy.
        const half = join(folder, 'spool', 'logs', '000000009999-1700000000000-1.v1.otlp.part');
        await writeFile(half, 'being written');
        const { code, said } = await tryToStart(program, env);
        assert.equal(code, 1);
        assert.match(said, /Cannot work in .*: another (service|receiver) works in it; .*VITRINE_DATA of its own/);
        assert.equal(await readFile(half, 'utf8'), 'being written');
        await first.kill('SIGKILL');
      }
      await using next = await start(env);
      await next.kill('SIGTERM');
    });
  }

  it('is its owner’s alone, with all that is made in it, and when another Vitrine had left it open', async function () {
    this.timeout(60_000);
    await using data = await temporaryFolder();
    await mkdir(join(data.path, 'service'));
    await chmod(join(data.path, 'service'), 0o755);
    await using service = await startService({ VITRINE_DATA: data.path });
    await service.kill('SIGTERM');
    const open: string[] = [];
    const folder = join(data.path, 'service');
    for (const name of ['', ...(await readdir(folder, { recursive: true }))])
      if (((await stat(join(folder, name))).mode & 0o077) !== 0) open.push(name);
    assert.deepEqual(open, []);
  });
});

async function tryToStart(program: string, env: Record<string, string>): Promise<{ code: number; said: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../..', program)], {
    env: {
      ...bareEnvironment,
      VITRINE_MODELS: '/nonexistent',
      ...env,
      VITRINE_PORT: '0',
      VITRINE_RECEIVER_PORT: '0',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const [[code], said] = await Promise.all([once(child, 'exit'), text(child.stderr)]);
  return { code: code as number, said };
}
