import assert from 'node:assert/strict';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DatabaseQuotas } from '../../src/api/access/database-quotas.ts';
import type { LeasedBucket } from '../../src/api/access/leased-bucket.ts';
import { quotaBucket } from '../../src/api/access/quota-bucket.ts';
import { readConfig } from '../../src/config.ts';
import { openDatabase } from '../../src/postgres/open-database.ts';
import { Meter } from '../../src/telemetry/meter.ts';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import { type NetworkCut, startNetworkCut } from '../../testkit/network-cut.ts';
import { startPostgres, type TestPostgres } from '../../testkit/postgres.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { infer, send } from '../../testkit/several-processes.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

describe('quotas over all replicas', function () {
  this.timeout(300_000);
  let database: TestPostgres;
  let way: NetworkCut;

  before(async function () {
    database = availableOrSkip(this, await startPostgres());
    way = await startNetworkCut(database.port);
  });
  after(async () => {
    await way?.[Symbol.asyncDispose]();
    await database?.[Symbol.asyncDispose]();
  });

  /** The quotas as one replica has them, which is in the table of those that live. */
  async function replica(schema: string, name: string) {
    const meter = new Meter();
    const url = database.url.replace(`:${database.port}/`, `:${way.port}/`);
    const config = { ...readConfig({}), databaseUrl: url, databaseSchema: schema };
    const shared = await openDatabase(config, meter);
    const quotas = new DatabaseQuotas(shared, meter);
    const bucketOf = (perMinute: number, bucket = 'infer key a', inBlocks = true) =>
      quotaBucket({ name: bucket, perMinute, now: performance.now(), inBlocks }, quotas) as LeasedBucket;
    const isShared = () => meter.counter('quotaLeases').series('used_up').value > 0;
    await waitFor('the tables', async () => (await quotas.lease('none', 60)(0)) && isShared(), { deadlineMs: 60_000 });
    await database.ask(
      `INSERT INTO ${schema}.replica (owner, name, version, lease_until) VALUES ($1, $1, '', now() + interval '1 hour')`,
      [name],
    );
    return {
      quotas,
      bucketOf,
      leases: (status: string) => meter.counter('quotaLeases').series(status).value,
      [Symbol.asyncDispose]: async () => {
        await quotas[Symbol.asyncDispose]();
        await shared[Symbol.asyncDispose]();
      },
    };
  }

  /** Takes as often as it may, at most `most` times; answers how often that was. */
  async function takeAll(bucket: LeasedBucket, most = Number.POSITIVE_INFINITY): Promise<number> {
    for (let taken = 0; ; ) {
      const waitMs = bucket.take(performance.now());
      if (waitMs === 0) taken += 1;
      else if (waitMs > 0) return taken;
      else await bucket.refill();
      if (taken >= most) return taken;
    }
  }

  it('give a client its quota and no more, however many replicas it asks', async () => {
    const schema = database.schema();
    await using one = await replica(schema, 'one');
    await using two = await replica(schema, 'two');
    await using three = await replica(schema, 'three');
    const startedAt = performance.now();
    const buckets = [one, two, three].map(({ bucketOf }) => bucketOf(600));
    const taken = (await Promise.all(buckets.map((bucket) => takeAll(bucket)))).reduce((sum, count) => sum + count, 0);
    const cameBack = ((performance.now() - startedAt) / 60_000) * 600;
    assert.ok(taken >= 600 && taken <= 600 + cameBack + 1, `${taken} were taken and ${cameBack} came back`);
    // In blocks: so it costs a small part of what it would ask one by one.
    const asked = [one, two, three].reduce((sum, { leases }) => sum + leases('granted'), 0);
    assert.ok(asked < 200, `${asked} leases`);
  });

  it('count tasks one by one: what one replica does not use, another has', async () => {
    const schema = database.schema();
    await using one = await replica(schema, 'one');
    await using two = await replica(schema, 'two');
    const [here, there] = [one, two].map(({ bucketOf }) => bucketOf(6, 'tasks key a', false));
    assert.equal(await takeAll(here!, 2), 2);
    assert.equal(await takeAll(there!), 4);
    assert.equal(await takeAll(here!), 0);
  });

  it('are a fair part each while the database is silent, and it learns what they were', async () => {
    const schema = database.schema();
    await using one = await replica(schema, 'one');
    await using two = await replica(schema, 'two');
    const buckets = [one, two].map(({ bucketOf }) => bucketOf(120));
    // Each has asked once, and so knows of the other.
    for (const bucket of buckets) assert.equal(await takeAll(bucket, 1), 1);
    const startedAt = performance.now();
    way.cut();
    const taken = await Promise.all(buckets.map((bucket) => takeAll(bucket)));
    const most = 120 + ((performance.now() - startedAt) / 60_000) * 120;
    const sum = taken.reduce((all, count) => all + count, 2);
    assert.ok(sum <= most + 2, `${sum} of ${most}`);
    assert.ok(
      taken.every((count) => count >= 50),
      String(taken),
    );
    assert.ok(one.leases('local') > 0);
    way.heal();
    // The next lease of each is the database's again, and says what was taken without it.
    for (const { quotas, leases } of [one, two]) {
      const ofDatabase = () => leases('used_up') + leases('granted');
      const before = ofDatabase();
      await waitFor('the database to be asked again', async () => {
        await quotas.lease('infer key a', 120)(0);
        return ofDatabase() > before;
      });
    }
    const [row] = await database.ask(`SELECT tokens FROM ${schema}.quota WHERE bucket = 'infer key a'`);
    const cameBack = ((performance.now() - startedAt) / 60_000) * 120;
    assert.ok(Number(row?.tokens) <= 120 - sum + cameBack + 2, `${row?.tokens} are left of 120, ${sum} were taken`);
  });

  it('hold for callers of real replicas, and their tasks exactly', async () => {
    await using folder = await temporaryFolder();
    await writeModel(join(folder.path, 'models'), 'small', perceptron());
    const key = 'a-key-of-the-poor-tenant';
    const schema = database.schema();
    const credentials = await writeCredentials(folder.path, {
      keys: { poor: key },
      adminToken: 'the-token-of-the-administrator',
      rights: { poor: { infer_per_minute: 60, tasks_per_minute: 4 } },
    });
    const replicas: ServiceProcess[] = [];
    await using stack = new AsyncDisposableStack();
    for (const name of ['one', 'two'])
      replicas.push(
        stack.use(
          await startService({
            ...credentials,
            VITRINE_MODELS: join(folder.path, 'models'),
            VITRINE_DATA: join(folder.path, name),
            VITRINE_DATABASE_URL: database.url,
            VITRINE_DATABASE_SCHEMA: schema,
            VITRINE_FILES: `file://${join(folder.path, 'shared')}`,
          }),
        ),
      );
    const headers = { Authorization: `Bearer ${key}` };
    const startedAt = performance.now();
    const statuses = (
      await Promise.all(
        replicas.map(async ({ url }) => {
          const some: number[] = [];
          for (let n = 0; n < 100; n += 1) {
            const outcome = await infer(url, { headers });
            some.push('status' in outcome ? outcome.status : 0);
          }
          return some;
        }),
      )
    ).flat();
    const minutes = (performance.now() - startedAt) / 60_000;
    const allowed = statuses.filter((status) => status === 200).length;
    assert.deepEqual(new Set(statuses), new Set([200, 429]));
    // Each may hold a block that it has not used.
    assert.ok(allowed >= 60 - 2 * 4 && allowed <= 60 + 60 * minutes + 1, `${allowed} in ${minutes} minutes`);
    const tasks = await Promise.all(
      Array.from({ length: 12 }, (_, at) =>
        send(`${replicas[at % 2]!.url}/v1/microstructure`, { method: 'POST', headers, body: '{"size": -1}' }),
      ),
    );
    // Refused for what they ask, after they were taken from the quota.
    const taken = tasks.filter((outcome) => 'status' in outcome && outcome.status !== 429).length;
    assert.equal(taken, 4, JSON.stringify(tasks));
  });
});
