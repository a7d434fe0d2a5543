import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify } from '../../launcher/process-identity.ts';
import { answerRestartRequests, requestRestart } from '../../launcher/restart-request.ts';
import { readState, type StackState, StateFile, statePath } from '../../launcher/stack-state.ts';
import { handOverWebhookToken } from '../../launcher/webhook-token.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the launcher’s state', () => {
  it('is written as soon as the disk takes it, the newest only, and what failed is told once', async () => {
    await using folder = await temporaryFolder();
    const troubles: string[] = [];
    const file = new StateFile(folder.path, (sentence) => troubles.push(sentence));
    // A file where the folder should be: nothing can be written below it.
    await writeFile(join(folder.path, 'stack'), '');
    file.write(await state(1));
    file.write(await state(2));
    assert.equal(troubles.length, 1);
    assert.match(troubles[0] ?? '', /Cannot write .*state\.json: E.*VITRINE_DATA/);
    await rm(join(folder.path, 'stack'));
    await waitFor('the state', () => readState(folder.path)?.startedAtMs === 2);
    await file.close();
  });

  it('that is damaged is told with the remedy', async () => {
    await using folder = await temporaryFolder();
    await mkdir(join(folder.path, 'stack'));
    await writeFile(statePath(folder.path), '');
    assert.throws(() => readState(folder.path), /state\.json is damaged; .*remove the file/);
  });
});

describe('a request for a restart', () => {
  it('waits for a disk that fails for a moment, on both sides, and is done once', async () => {
    await using folder = await temporaryFolder();
    const self = await identify(process.pid);
    assert.ok(self);
    const restarted: string[] = [];
    const stack = {
      data: folder.path,
      names: ['service'] as const,
      restart: async (name: string) => {
        restarted.push(name);
      },
    };
    const answer = answerRestartRequests(stack, (sentence) => assert.fail(sentence));
    const told = () => void answer();
    process.on('SIGUSR2', told);
    try {
      await writeFile(join(folder.path, 'stack'), '');
      const asked = requestRestart(folder.path, self, { name: 'service', env: {} }, 20_000);
      await rm(join(folder.path, 'stack'));
      await asked;
      await Promise.all([answer(), answer()]);
      assert.deepEqual(restarted, ['service']);
      assert.deepEqual(await readdir(join(folder.path, 'stack', 'requests')), []);
    } finally {
      process.off('SIGUSR2', told);
    }
  });
});

describe('the webhook’s token', () => {
  it('is readable for its owner only from its first byte on', async () => {
    await using folder = await temporaryFolder();
    const tokens = join(folder.path, 'tokens');
    await writeFile(tokens, 'a-token-that-is-long-enough\nan-older-one\n');
    const configuration = join(folder.path, 'alertmanager/configuration');
    await mkdir(configuration, { recursive: true });
    const file = join(configuration, 'receiver-token.tmpl');
    await handOverWebhookToken({
      root: folder.path,
      data: folder.path,
      config: { receiverAlertsTokenFile: tokens } as Parameters<typeof handOverWebhookToken>[0]['config'],
    });
    assert.equal(await readFile(file, 'utf8'), 'a-token-that-is-long-enough');
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });
});

async function state(startedAtMs: number): Promise<StackState> {
  const launcher = await identify(process.pid);
  assert.ok(launcher);
  return { launcher, startedAtMs, settled: false, ports: {}, components: [] };
}
