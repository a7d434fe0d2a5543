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

/**
 * Tasks on sounds are left out: JSON Schema cannot say which bytes are a sound, and Schemathesis
 * takes random bytes for valid ones. Inference and tasks that take long are tested elsewhere;
 * `schemathesis run URL/openapi.json` without these options tests them all.
 */
const operations = '^/(live|ready|health|v1/jobs|v1/requests|v2/logging|v2/trace|v2/repository|v2$)';

describe('Schemathesis finds no difference between the API and its description', function () {
  this.timeout(300_000);

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
      });
      const credential = who === 'with a key' ? key.key : 'the-administrators-token';
      const { stdout } = await run(
        schemathesis,
        [
          ...['run', `${service.url}/openapi.json`, '--seed', '1', '--max-examples', '3'],
          ...['--phases', 'examples,coverage', '--include-path-regex', operations],
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
