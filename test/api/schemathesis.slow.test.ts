import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { newApiKey } from '../../src/api/access/api-keys.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { startService } from '../../testkit/service-process.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';

const run = promisify(execFile);
const schemathesis = process.env.VITRINE_TEST_SCHEMATHESIS ?? 'schemathesis';

const exceptions = join(import.meta.dirname, '../../schemathesis.toml');

describe('Schemathesis finds no difference between the API and its description', function () {
  this.timeout(1_800_000);

  for (const who of ['without keys', 'with a key', 'with the administrator’s token'])
    it(`on a service ${who}`, async function () {
      availableOrSkip(this, await found());
      await using folder = await temporaryFolder();
      const key = newApiKey('tester');
      const [keys, admin] = [join(folder.path, 'keys.json'), join(folder.path, 'admin')];
      await writeFile(keys, JSON.stringify({ keys: [key.entry] }));
      await writeFile(admin, 'the-administrators-token\n');
      const hasKeys = who !== 'without keys';
      await using service = await startService({
        VITRINE_DATA: join(folder.path, 'data'),
        VITRINE_MODELS: ourModels,
        ...(hasKeys && { VITRINE_API_KEYS_FILE: keys, VITRINE_ADMIN_TOKEN_FILE: admin }),
        OTEL_SDK_DISABLED: 'true',
        // Small tasks, as many as come: the largest valid ones take minutes by default.
        VITRINE_GENERATE_SECONDS_MAX: '1',
        VITRINE_MICROSTRUCTURE_PIXELS_MAX: '4096',
        VITRINE_TASKS_PER_MINUTE_MAX: '1000000',
        VITRINE_READS_PER_MINUTE_MAX: '1000000',
      });
      const credential = who === 'with a key' ? key.key : 'the-administrators-token';
      const { stdout } = await run(
        schemathesis,
        [
          ...['--config-file', exceptions, 'run', `${service.url}/openapi.json`],
          ...['--seed', '1', '--max-examples', '3', '--request-timeout', '600'],
          ...['--phases', 'examples,coverage,fuzzing,stateful'],
          ...(hasKeys ? ['--header', `Authorization: Bearer ${credential}`] : []),
        ],
        { cwd: folder.path, maxBuffer: 2 ** 24 },
      ).catch((error: { stdout?: string }) => ({ stdout: `${error.stdout}\nIt found something.` }));
      assert.doesNotMatch(stdout, /It found something/, stdout);
      assert.match(stdout, /Test cases:\s+\d{3,} generated/);
    });
});

async function found(): Promise<{ name: string } | { unavailable: string }> {
  return run(schemathesis, ['--version']).then(
    () => ({ name: schemathesis }),
    () => ({
      unavailable: `there is no ${schemathesis}; install it (pip install schemathesis==4.32.0) and name it in VITRINE_TEST_SCHEMATHESIS`,
    }),
  );
}
