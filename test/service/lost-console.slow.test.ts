import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { bareEnvironment } from '../../testkit/bare-environment.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';

describe('the service', () => {
  it('serves on when nobody reads its console any more, and stops in order', async function () {
    this.timeout(120_000);
    await using folder = await temporaryFolder();
    const port = String(await choosePort('127.0.0.1'));
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/main.ts')], {
      env: {
        ...bareEnvironment,
        VITRINE_PORT: port,
        VITRINE_MODEL_CONTROL: 'explicit',
        VITRINE_DATA: folder.path,
        OTEL_SDK_DISABLED: 'true',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = once(child, 'exit');
    try {
      const ready = async () => (await fetch(`http://127.0.0.1:${port}/ready`)).ok;
      await waitFor('the service', ready, { deadlineMs: 60_000 });
      child.stdout.destroy();
      child.stderr.destroy();
      // It says on the console that it stops, which nobody can hear.
      child.kill('SIGTERM');
      assert.deepEqual(await exited, [0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
