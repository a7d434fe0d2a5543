import assert from 'node:assert/strict';
import { appendFile, cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { nativeAddresses } from '../../launcher/components.ts';
import { renderConfiguration } from '../../launcher/render-configuration.ts';
import { ensureServer } from '../../launcher/servers/ensure-server.ts';
import type { ServerName } from '../../launcher/servers.ts';
import { readConfig } from '../../src/config.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { runProgram } from './run-program.ts';

// Each file is accepted by the server's own checker, as committed and as rendered for the native
// stack; and the checker is one that refuses: a key that does not exist must not pass.

type Check = {
  server: ServerName;
  binary: string;
  /** The folder that is copied, rendered and spoilt. */
  folder: string;
  file: string;
  parameters: (file: string) => string[];
};

const checks: Check[] = [
  {
    server: 'promtool',
    binary: 'promtool',
    folder: 'prometheus',
    file: 'prometheus.yaml',
    parameters: (file) => ['check', 'config', file],
  },
  {
    server: 'promtool',
    binary: 'promtool',
    folder: 'prometheus',
    file: 'rules/service.yaml',
    parameters: (file) => ['check', 'rules', file],
  },
  {
    server: 'amtool',
    binary: 'amtool',
    folder: 'alertmanager',
    file: 'alertmanager.yaml',
    parameters: (file) => ['check-config', file],
  },
  {
    server: 'loki',
    binary: 'loki',
    folder: 'loki',
    file: 'loki.yaml',
    parameters: (file) => [`-config.file=${file}`, '-config.expand-env=true', '-verify-config'],
  },
  {
    server: 'tempo',
    binary: 'tempo',
    folder: 'tempo',
    file: 'tempo.yaml',
    parameters: (file) => [`-config.file=${file}`, '-config.expand-env=true', '-config.verify=true'],
  },
];

const root = join(import.meta.dirname, '../..');

describe('the configuration of the backends', function () {
  this.timeout(900_000);

  for (const { server, binary, folder, file, parameters } of checks) {
    it(`${folder}/${file} is accepted by ${server}, and a spoilt copy is refused`, async () => {
      await using scratch = await temporaryFolder();
      const program = join(await ensureServer(server), binary);
      const asCommitted = await runProgram(program, parameters(join(root, folder, file)));
      assert.equal(asCommitted.code, 0, asCommitted.said);

      const spoilt = join(scratch.path, folder);
      await cp(join(root, folder), spoilt, { recursive: true });
      await appendFile(join(spoilt, file), '\nthere_is_no_such_key: true\n');
      const refused = await runProgram(program, parameters(join(spoilt, file)));
      assert.notEqual(refused.code, 0, 'a key that does not exist was accepted');
    });
  }

  for (const { server, binary, folder, file, parameters } of checks.slice(0, 3)) {
    it(`${folder}/${file} is accepted by ${server} as rendered for the native stack, also ten times faster`, async () => {
      await using scratch = await temporaryFolder();
      const program = join(await ensureServer(server), binary);
      const addresses = nativeAddresses(readConfig({}));
      for (const timeScale of [1, 0.1]) {
        const rendered = join(scratch.path, String(timeScale));
        await renderConfiguration(join(root, folder), rendered, { addresses, scrapeInterval: '10s', timeScale });
        const answer = await runProgram(program, parameters(join(rendered, file)));
        assert.equal(answer.code, 0, answer.said);
      }
    });
  }

  it('the rules do what their unit tests say', async () => {
    const promtool = join(await ensureServer('promtool'), 'promtool');
    const folder = join(root, 'prometheus/rules/tests');
    const files = (await readdir(folder)).map((name) => join(folder, name));
    const answer = await runProgram(promtool, ['test', 'rules', ...files]);
    assert.equal(answer.code, 0, answer.said);
  });
});
