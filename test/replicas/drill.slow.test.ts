import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { cp, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as pause } from 'node:timers/promises';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { countEnds } from '../../testkit/jobs/count-ends.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { startPostgres } from '../../testkit/postgres.ts';
import { randomFrom } from '../../testkit/random-from.ts';
import { type FaultKind, faultKinds, ReplicasDrill } from '../../testkit/replicas-drill.ts';
import { startS3 } from '../../testkit/s3/s3-server.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';
import { ToldTelemetry } from '../receiver/told-telemetry.ts';

// The short form has few jobs and one fault of each of three kinds. The long one is made by
// VITRINE_DRILL_JOBS=1000 VITRINE_DRILL_FAULTS=21 VITRINE_DRILL_SEED=1.

const jobsAll = Number(process.env.VITRINE_DRILL_JOBS ?? 24);
const faultsAll = Number(process.env.VITRINE_DRILL_FAULTS ?? 3);
const seed = Number(process.env.VITRINE_DRILL_SEED ?? 1);
const isLong = faultsAll > 3;
const shortFaults: readonly FaultKind[] = ['replica killed', 'network cut', 'database killed'];

const tenants = ['alice', 'bob', 'carol'] as const;
const limitedPerMinute = 120;
const keyOf = (tenant: string) => `the-key-of-${tenant}-in-the-drill`;
const inferBody = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });
/** So many different results there are, and each job has to have its own. */
const works = 6;

type Answer = { readonly status: number; readonly body: Buffer };

describe('three replicas behind HAProxy, with PostgreSQL and S3', () => {
  it(`lose nothing while ${faultsAll} times a part is killed, stopped, frozen or cut off (seed ${seed})`, async function () {
    this.timeout(isLong ? 3_600_000 : 900_000);
    await using database = availableOrSkip(this, await startPostgres());
    await using s3 = availableOrSkip(this, await startS3());
    using stack = new DisposableStack();
    const told: ToldTelemetry[] = [];
    for (let at = 0; at < 3; at += 1) told.push(stack.use(await ToldTelemetry.start()));
    await using folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeModel(models, 'copy', identity('FP32'));
    await cp(join(ourModels, 'gaussian-field'), join(models, 'gaussian-field'), { recursive: true });
    await writeFile(join(folder.path, 'secret'), 'the-secret-of-the-replicas\n');
    const schema = database.schema();
    const plenty = { infer_per_minute: 10_000_000, tasks_per_minute: 1_000_000 };
    const env = {
      ...(await writeCredentials(folder.path, {
        keys: Object.fromEntries([...tenants, 'limited'].map((tenant) => [tenant, keyOf(tenant)])),
        adminToken: 'the-token-of-the-administrator',
        rights: {
          ...Object.fromEntries(tenants.map((tenant) => [tenant, plenty])),
          limited: { infer_per_minute: limitedPerMinute, tasks_per_minute: 10 },
        },
      })),
      VITRINE_MODELS: models,
      VITRINE_TRUST_PROXY: '127.0.0.1',
      VITRINE_STOP_NOTICE_MS: '2500',
      VITRINE_DATABASE_SCHEMA: schema,
      VITRINE_JOB_LEASE_MS: '4000',
      VITRINE_DATABASE_POLL_MS: '500',
      VITRINE_JOBS_OF_TENANT_MAX: '100000',
      VITRINE_JOBS_MAX: '100000',
      VITRINE_JOB_INTERRUPTIONS_MAX: '10000',
      VITRINE_FILES_MS_MAX: '3000',
      VITRINE_REPLICA_SECRET_FILE: join(folder.path, 'secret'),
    };
    await using drill = new ReplicasDrill({
      folder: folder.path,
      env: (at) => ({ ...env, OTEL_EXPORTER_OTLP_ENDPOINT: told[at]!.endpoint }),
      database,
      s3,
      freezeMs: isLong ? 10_000 : 5_000,
    });
    const missing = await drill.start();
    if (missing) availableOrSkip(this, missing);
    await countEnds(database, schema);
    const random = randomFrom(seed);
    const agent = new Agent({ keepAlive: true, maxSockets: 64 });
    const ask = (path: string, tenant: string, options: Asked = {}) =>
      send(`${drill.url}${path}`, agent, tenant, options);

    // What each work has to give, before anything fails.
    const right: string[] = [];
    for (let work = 0; work < works; work += 1) {
      const { status, body } = await ask('/v1/microstructure', 'alice', { body: microstructure(work) });
      assert.equal(status, 200, body.toString());
      right.push(hash('sha256', body, 'hex'));
    }

    const load = new Load(ask);
    const startedAt = performance.now();
    const adding = addAll(ask, jobsAll);
    const faults: string[] = [];
    const limits = { killed: 0 };
    for (let n = 0; n < faultsAll; n += 1) {
      await load.more(20);
      const kind = isLong ? faultKinds[n % faultKinds.length]! : shortFaults[n]!;
      if (kind === 'replica killed') limits.killed += 1;
      faults.push(await drill.make(kind, random));
    }
    const ids = await adding;
    await load.more(20);
    await drill.untilUp();
    const left = () => database.ask(`SELECT id FROM ${schema}.job WHERE state IN ('waiting', 'running')`);
    await waitFor('all jobs to end', async () => (await left()).length === 0, { deadlineMs: 1_200_000, everyMs: 200 });
    await load.stop();
    const minutes = (performance.now() - startedAt) / 60_000;

    // Every accepted job ended once, with its right result, whichever replica is asked.
    const ends = await database.ask(`SELECT id, state FROM ${schema}.ends`);
    assert.equal(ends.length, jobsAll, `after ${faults.join(', ')}`);
    assert.deepEqual(new Set(ends.map(({ id }) => id)), new Set(ids.keys()));
    assert.ok(ends.every(({ state }) => state === 'done'));
    const [again] = await database.ask(`SELECT count(*) AS count FROM ${schema}.job WHERE attempt > 1`);
    for (const [id, { tenant, work }] of ids) {
      const { status, body } = await ask(`/v1/jobs/${id}/result`, tenant);
      assert.equal(status, 200, body.toString());
      assert.equal(hash('sha256', body, 'hex'), right[work], `the result of ${id}`);
    }
    // Of the inferences, only those may fail that were in flight on a killed replica.
    const { failed, answered, limited } = load;
    assert.ok(
      failed.length <= limits.killed * load.callers,
      `${failed.length} failed: ${failed.join(', ')} after ${faults.join(', ')}`,
    );
    assert.ok(
      failed.every((status) => status === 502 || status === 0),
      String(failed),
    );
    assert.ok(load.unplaced <= answered, `${load.unplaced} found no replica`);
    // A replica that is killed takes the block of a lease with it, never more than there is.
    assert.ok(
      limited <= limitedPerMinute * (1 + minutes) + 3,
      `${limited} inferences of a tenant with ${limitedPerMinute} a minute in ${minutes.toFixed(2)} minutes`,
    );
    // Each replica answers for the others.
    for (const { service } of drill.replicas) {
      const { body } = await send(`${service.url}/v1/requests/summary`, agent, 'alice', {});
      const { models: found } = JSON.parse(body.toString()) as { models: { model: string }[] };
      assert.ok(found.some(({ model }) => model === 'copy'));
    }
    agent.destroy();
    for (const { service } of drill.replicas) assert.equal(await service.kill('SIGTERM'), 0);
    const counted = told.reduce((sum, each) => sum + countedInferences(each), 0);
    assert.ok(counted <= answered + failed.length + load.refused, `${counted} were counted`);
    // What a killed replica had not exported: a second or two of its answers.
    const lost = answered + load.refused - counted;
    assert.ok(lost <= limits.killed * load.mostPerSecond * 3, `${lost} of ${answered} were not counted`);
    console.log(
      `      ${faults.join(', ')}; ${jobsAll} jobs, ${again?.count} by more than one attempt; ${answered} inferences, ${failed.length} failed, ${load.unplaced} found no replica, ${lost} not counted; ${limited} of ${limitedPerMinute} a minute in ${minutes.toFixed(1)} minutes`,
    );
  });
});

type Asked = { readonly body?: string; readonly headers?: Record<string, string> };
type Ask = (path: string, tenant: string, options?: Asked) => Promise<Answer>;

function microstructure(work: number): string {
  return JSON.stringify({ size: 32, samples: 1, steps: 10, seed: work, format: 'npy' });
}

/** Adds each job by its key until it is accepted. */
async function addAll(ask: Ask, count: number): Promise<Map<string, { tenant: string; work: number }>> {
  const ids = new Map<string, { tenant: string; work: number }>();
  const adding = Array.from({ length: 4 }, async (_, part) => {
    for (let n = part; n < count; n += 4) {
      const [tenant, work] = [tenants[n % 3]!, n % works];
      const headers = { Prefer: 'respond-async', 'Idempotency-Key': `job-${n}` };
      for (;;) {
        const { status, body } = await ask('/v1/microstructure', tenant, { body: microstructure(work), headers });
        if (status === 202) {
          ids.set((JSON.parse(body.toString()) as { id: string }).id, { tenant, work });
          break;
        }
        assert.ok([0, 502, 503, 504].includes(status), `${status} ${body}`);
        await pause(200);
      }
    }
  });
  await Promise.all(adding);
  return ids;
}

/** Callers of inferences, and one that asks for more than its quota. */
class Load {
  answered = 0;
  refused = 0;
  limited = 0;
  unplaced = 0;
  mostPerSecond = 0;
  readonly failed: number[] = [];
  readonly callers = 5;
  readonly #ask: Ask;
  readonly #running: Promise<void>[];
  #over = false;

  constructor(ask: Ask) {
    this.#ask = ask;
    this.#running = [
      ...Array.from({ length: this.callers - 1 }, (_, at) => this.#call(tenants[at % 3]!, 5)),
      this.#call('limited', 100),
      this.#count(),
    ];
  }

  async more(count: number): Promise<void> {
    const goal = this.answered + count;
    await waitFor(`${count} more answers`, () => this.answered >= goal, { deadlineMs: 300_000, everyMs: 10 });
  }

  async stop(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#running);
  }

  async #call(tenant: string, everyMs: number): Promise<void> {
    while (!this.#over) {
      const { status, body } = await this.#ask('/v2/models/copy/infer', tenant, { body: inferBody });
      if (status === 200) {
        this.answered += 1;
        if (tenant === 'limited') this.limited += 1;
      } else if (status === 429) this.refused += 1;
      // The balancer's own words: on a busy machine it may miss all replicas for a moment.
      else if (status === 503 && body.includes('No server is available')) this.unplaced += 1;
      else this.failed.push(status);
      await pause(everyMs);
    }
  }

  async #count(): Promise<void> {
    for (let before = 0; !this.#over; ) {
      await pause(1_000);
      this.mostPerSecond = Math.max(this.mostPerSecond, this.answered + this.refused - before);
      before = this.answered + this.refused;
    }
  }
}

function send(url: string, agent: Agent, tenant: string, { body, headers = {} }: Asked): Promise<Answer> {
  return new Promise((resolve) => {
    const cut = () => resolve({ status: 0, body: Buffer.alloc(0) });
    const sent = request(url, {
      method: body === undefined ? 'GET' : 'POST',
      agent,
      headers: { Authorization: `Bearer ${keyOf(tenant)}`, 'Content-Type': 'application/json', ...headers },
    });
    sent.once('error', cut);
    sent.once('response', (response) => {
      buffer(response).then((bytes) => resolve({ status: response.statusCode ?? 0, body: bytes }), cut);
    });
    sent.end(body);
  });
}

/** The inferences that a replica counted, over its restarts: each begins at 0 again. */
function countedInferences({ points }: ToldTelemetry): number {
  const last = new Map<string, number>();
  let sum = 0;
  for (const { name, labels, value } of points)
    if (name === 'http.requests' && String(labels.endpoint).endsWith('/infer')) {
      const key = JSON.stringify(labels);
      const before = last.get(key) ?? 0;
      sum += value < before ? value : value - before;
      last.set(key, value);
    }
  return sum;
}
