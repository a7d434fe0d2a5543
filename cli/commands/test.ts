import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ensureServer } from '../../launcher/build-server.ts';
import { Progress } from '../../launcher/progress.ts';
import { type ServerName, servers } from '../../launcher/servers.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';

const root = resolve(import.meta.dirname, '../..');
/** What holds the process open after the last test is a defect of its own. */
const lingerMsMax = 60_000;

/**
 * Runs the tests, the quick ones first; answers mocha's exit code. `*.stack.test.ts` start the real
 * servers, `*.slow.test.ts` only processes of ours, or serve the big models; what is neither is
 * quick: all quick ones take less than a minute.
 */
export async function test({ files, quick = false }: { files: readonly string[]; quick?: boolean }): Promise<number> {
  const chosen = files.length > 0 ? [...files] : await testFiles(quick);
  if (chosen.some((file) => file.endsWith('.stack.test.ts'))) await ensureServers();
  const mocha = join(root, 'node_modules', 'mocha', 'bin', 'mocha.js');
  const child = spawn(process.execPath, [mocha, '--reporter', join(root, 'cli', 'test-reporter.mjs'), ...chosen], {
    cwd: root,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  let lingering: NodeJS.Timeout | undefined;
  let counts = '';
  child.on('message', (message: { counts: string }) => {
    counts = message.counts;
    lingering = setTimeout(() => {
      process.stderr.write(
        'Cannot end the tests: something they started still runs after a minute; find it with the last test file alone.\n',
      );
      child.kill('SIGKILL');
    }, lingerMsMax);
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(lingering);
  if (counts !== '') process.stdout.write(`${counts}\n`);
  return counts === '' ? code || 1 : (code ?? 1);
}

async function testFiles(quick: boolean): Promise<string[]> {
  const found: string[] = [];
  for await (const file of glob('test/**/*.test.ts', { cwd: root })) found.push(file);
  const order = ['', '.slow.test.ts', '.stack.test.ts'];
  const rank = (file: string) => order.findLastIndex((ending) => file.endsWith(ending));
  const chosen = found
    .filter((file) => !quick || rank(file) === 0)
    .sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
  if (chosen.length === 0)
    throw new StackFailure('Cannot test: there are no test files under test/; check out the whole repository.');
  return chosen;
}

/** Built before the first test, so that no test waits for a compiler. */
async function ensureServers(): Promise<void> {
  const progress = new Progress(process.stdout);
  const names = Object.keys(servers) as ServerName[];
  for (const [index, server] of names.entries()) {
    await ensureServer(server, {
      onProgress: (now) =>
        progress.tell({
          kind: 'build',
          title: servers[server].title,
          progress: now,
          number: index + 1,
          of: names.length,
        }),
    });
  }
  progress.close();
}
