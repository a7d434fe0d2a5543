import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { ApiKeys } from '../../src/api/access/api-keys.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const run = promisify(execFile);
const commandLine = resolve(import.meta.dirname, '../../cli/command-line.ts');
const vitrine = (...given: string[]) => run(process.execPath, [commandLine, ...given]);

describe('vitrine new-key', function () {
  this.timeout(60_000);

  it('adds a key to the file, which then knows it, and shows it nowhere else', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'keys.json');
    const first = await vitrine('new-key', 'studio', '--file', file);
    const second = await vitrine('new-key', 'guest', '--file', file);
    const [one = '', two = ''] = [first, second].map(({ stdout }) => /vitrine_[\w-]{43}/.exec(stdout)?.[0]);
    using keys = await ApiKeys.open(file);
    assert.equal(keys.find(one)?.name, 'studio');
    assert.equal(keys.find(two)?.name, 'guest');
    const text = await readFile(file, 'utf8');
    assert.ok(!text.includes(one) && !text.includes(two));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await assert.rejects(vitrine('new-key', 'guest', '--file', file), /has one of that name; choose another/);
    assert.equal(await readFile(file, 'utf8'), text);
  });

  it('leaves a file that is there the one it is, with its mode: a container may have mounted it', async () => {
    await using folder = await temporaryFolder();
    const file = join(folder.path, 'keys.json');
    await vitrine('new-key', 'studio', '--file', file);
    await chmod(file, 0o644);
    const before = await stat(file);
    await vitrine('new-key', 'guest', '--file', file);
    const after = await stat(file);
    assert.deepEqual([after.ino, after.mode], [before.ino, before.mode]);
    assert.equal((JSON.parse(await readFile(file, 'utf8')) as { keys: unknown[] }).keys.length, 2);
    assert.deepEqual(await readdir(folder.path), ['keys.json']);
  });

  it('refuses a name that no tenant may have', async () => {
    await assert.rejects(vitrine('new-key', 'Not A Name'), /Cannot make a key for "Not A Name"/);
  });
});
