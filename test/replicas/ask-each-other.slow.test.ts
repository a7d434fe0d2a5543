import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { askJson } from '../../testkit/ask-json.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { infer, send } from '../../testkit/several-processes.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { TestAuthority } from '../../testkit/test-certificates.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const keys = { alice: 'the-key-of-alice-the-tenant', bob: 'the-key-of-bob-the-tenant' };
const adminToken = 'the-token-of-the-administrator';
type Json = Record<string, unknown>;

describe('replicas of one database', function () {
  this.timeout(300_000);
  let database: TestPostgres;

  before(async function () {
    database = availableOrSkip(this, await startPostgres());
  });
  after(() => database?.[Symbol.asyncDispose]());

  for (const proof of ['a secret', 'certificates'] as const)
    it(`answer for each other what is asked of requests, by ${proof}, and serve nobody else there`, async () => {
      await using folder = await temporaryFolder();
      await using replicas = await startTwo(folder, proof);
      const { one, two, port } = replicas;
      const headers = { Authorization: `Bearer ${keys.alice}` };
      for (const [id, { url }] of [
        ['asked-one', one],
        ['asked-two', two],
      ] as const)
        assert.equal(statusOf(await infer(url, { headers: { ...headers, 'X-Request-Id': id } })), 200);
      for (const { url } of [one, two]) {
        for (const id of ['asked-one', 'asked-two']) {
          for (const path of ['', '/why', '/blame']) {
            const found = (await askJson(`${url}/v1/requests/${id}${path}`, { headers })) as Json;
            assert.equal(found.request_id, id, JSON.stringify(found));
          }
          // It is another tenant's, whichever replica is asked.
          const stranger = await askJson(`${url}/v1/requests/${id}`, {
            headers: { Authorization: `Bearer ${keys.bob}` },
          });
          assert.match(JSON.stringify(stranger), /request_not_found/);
        }
        const { requests } = (await askJson(`${url}/v1/requests?recent=100`, { headers })) as { requests: Json[] };
        assert.equal(requests.filter(({ request_id: id }) => /^asked-(one|two)$/.test(String(id))).length, 2);
        const { models } = (await askJson(`${url}/v1/requests/summary`, { headers })) as { models: Json[] };
        assert.equal(models.find(({ model }) => model === 'small')?.count, 2);
        const matrix = (await askJson(`${url}/v1/blame`, { headers })) as Json;
        assert.ok(Number(matrix.requests) >= 2, JSON.stringify(matrix));
        const admin = { headers: { Authorization: `Bearer ${adminToken}` } };
        const health = (await askJson(`${url}/health/detailed`, admin)) as { replicas: Json[] };
        assert.equal(health.replicas.length, 2);
        assert.deepEqual(
          health.replicas.map(({ address }) => address).sort(),
          [`127.0.0.1:${port.one}`, `127.0.0.1:${port.two}`].sort(),
        );
      }
      const scheme = proof === 'a secret' ? 'http' : 'https';
      const refused = await send(`${scheme}://127.0.0.1:${port.two}/v1/requests`, {
        headers,
        ...(replicas.ca && { tls: { ca: replicas.ca } }),
      });
      assert.ok('error' in refused || [401, 403].includes(refused.status), JSON.stringify(refused));
    });

  it('name the one that does not answer, and answer all the same', async () => {
    await using folder = await temporaryFolder();
    await using replicas = await startTwo(folder, 'a secret');
    const { one, two, port } = replicas;
    const headers = { Authorization: `Bearer ${keys.alice}` };
    assert.equal(statusOf(await infer(one.url, { headers: { ...headers, 'X-Request-Id': 'asked-one' } })), 200);
    process.kill(two.pid, 'SIGSTOP');
    const list = (await askJson(`${one.url}/v1/requests`, { headers })) as Json;
    assert.deepEqual(list.replicas_missing, [`127.0.0.1:${port.two}`]);
    assert.equal((list.requests as Json[]).length, 1);
    await two.kill('SIGKILL');
    // Its lease ends, and it is no replica any more.
    await waitFor(
      'it to be forgotten',
      async () => !('replicas_missing' in ((await askJson(`${one.url}/v1/requests`, { headers })) as Json)),
      { deadlineMs: 60_000 },
    );
  });

  async function startTwo(folder: TemporaryFolder, proof: 'a secret' | 'certificates') {
    const models = join(folder.path, 'models');
    await writeModel(models, 'small', perceptron());
    const credentials = await writeCredentials(folder.path, { keys, adminToken });
    const schema = database.schema();
    const port = { one: await choosePort('127.0.0.1'), two: await choosePort('127.0.0.1') };
    const secret = join(folder.path, 'secret');
    await writeFile(secret, 'the-secret-of-all-replicas\n');
    const authority = await TestAuthority.in(join(folder.path, 'authority'));
    const pair = await authority.issue('replica');
    const proofs =
      proof === 'a secret'
        ? { VITRINE_REPLICA_SECRET_FILE: secret }
        : {
            VITRINE_REPLICA_TLS_CERT_FILE: pair.certificate,
            VITRINE_REPLICA_TLS_KEY_FILE: pair.key,
            VITRINE_REPLICA_TLS_CA_FILE: authority.file,
          };
    const stack = new AsyncDisposableStack();
    const start = async (name: 'one' | 'two'): Promise<ServiceProcess> =>
      stack.use(
        await startService({
          ...credentials,
          ...proofs,
          VITRINE_MODELS: models,
          VITRINE_DATA: join(folder.path, name),
          VITRINE_DATABASE_URL: database.url,
          VITRINE_DATABASE_SCHEMA: schema,
          VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
          VITRINE_REPLICA_PORT: String(port[name]),
          VITRINE_JOB_LEASE_MS: '4000',
          VITRINE_DATABASE_POLL_MS: '500',
        }),
      );
    const [one, two] = await Promise.all([start('one'), start('two')]);
    const ca = proof === 'certificates' ? await authority.pem : undefined;
    return { one, two, port, ca, [Symbol.asyncDispose]: () => stack.disposeAsync() };
  }
});

function statusOf(outcome: Awaited<ReturnType<typeof send>>): number {
  return 'status' in outcome ? outcome.status : 0;
}
