import assert from 'node:assert/strict';
import { cp, writeFile } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { join } from 'node:path';
import { perceptron, writeModel } from '../../testkit/models/models.ts';
import {
  connectionToEach,
  infer,
  type Outcome,
  type SeveralProcesses,
  send,
  startSeveral,
} from '../../testkit/several-processes.ts';
import { ourModels } from '../../testkit/task-runner.ts';
import { type TemporaryFolder, temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const keys = { one: 'a-key-of-the-first-tenant', poor: 'a-key-of-the-poor-tenant' };
const adminToken = 'the-token-of-the-administrator';
const inferPerMinute = 60;
const tasksPerMinute = 6;

describe('of several processes, one answers for all', function () {
  this.timeout(900_000);
  let folder: TemporaryFolder;
  let several: SeveralProcesses;

  before(async () => {
    folder = await temporaryFolder();
    const models = join(folder.path, 'models');
    await writeModel(models, 'small', perceptron());
    await cp(join(ourModels, 'gaussian-field'), join(models, 'gaussian-field'), { recursive: true });
    const rights = { poor: { infer_per_minute: inferPerMinute, tasks_per_minute: tasksPerMinute } };
    const env = await writeCredentials(folder.path, { keys, adminToken, rights });
    several = await startSeveral(
      2,
      {
        VITRINE_MODELS: models,
        VITRINE_TASKS_PER_MINUTE_MAX: '1000',
        // On a machine that does much else, a start takes long.
        VITRINE_PROCESS_WAIT_MS_MAX: '300000',
        ...env,
      },
      { headers: bearer(adminToken) },
    );
  });

  after(async () => {
    await several[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('changes the log levels of all', async () => {
    await change('/v2/logging', { loggers: { access: 'debug' } });
    await everywhere('/v2/logging', ({ loggers }) => assert.equal((loggers as { access: string }).access, 'debug'));
  });

  it('changes the trace settings of all, and of none when a part cannot be taken', async () => {
    await change('/v2/models/small/trace/setting', { trace_rate: '7' });
    await everywhere('/v2/models/small/trace/setting', ({ trace_rate: rate }) => assert.equal(rate, '7'));
    const refused = await ask('/v2/models/small/trace/setting', { body: { trace_rate: '9', trace_mode: 'x' } });
    assert.equal(statusOf(refused), 400, JSON.stringify(refused));
    await everywhere('/v2/models/small/trace/setting', ({ trace_rate: rate }) => assert.equal(rate, '7'));
  });

  it('loads a new version in all of them before it answers', async () => {
    await writeModel(several.models, 'small', perceptron({ seed: 2 }), { version: '2' });
    await change('/v2/repository/models/small/load', {});
    await everywhere('/v2/models/small', ({ versions }) => assert.deepEqual(versions, ['2']));
  });

  it('serves none of a version that one of them cannot load, and says which and why', async () => {
    await writeModel(several.models, 'small', Buffer.from('no model'), { version: '3' });
    const refused = await ask('/v2/repository/models/small/load', { body: {} });
    assert.equal(statusOf(refused), 422, JSON.stringify(refused));
    assert.match(bodyOf(refused), /Process \d of the service could not, so none of them did/);
    await everywhere('/v2/models/small', ({ versions }) => assert.deepEqual(versions, ['2']));
  });

  it('gives one that was killed what the others have', async () => {
    const before = await several.standings();
    process.kill(before.find(({ process }) => process === 2)!.pid!, 'SIGKILL');
    await several.ready((all) => all.every(({ process, restarts }) => restarts >= (process === 2 ? 1 : 0)));
    // Version 3 lies on disk and could not be loaded; nobody serves it, so it does not either.
    await everywhere('/v2/models/small', ({ versions }) => assert.deepEqual(versions, ['2']));
    await everywhere('/v2/models/small/trace/setting', ({ trace_rate: rate }) => assert.equal(rate, '7'));
    await everywhere('/v2/logging', ({ loggers }) => assert.equal((loggers as { access: string }).access, 'debug'));
  });

  it('unloads a model in all of them, and loads it again', async () => {
    await change('/v2/repository/models/gaussian-field/unload', {});
    for (const agent of (await connectionToEach(several, 2)).values()) {
      const outcome = await ask('/v2/models/gaussian-field/ready', { agent });
      assert.equal(statusOf(outcome), 503, JSON.stringify(outcome));
    }
    await change('/v2/repository/models/gaussian-field/load', {});
    await everywhere('/v2/models/gaussian-field/ready', ({ ready }) => assert.equal(ready, true));
  });

  it('finds a request wherever it was answered', async () => {
    const agents = await connectionToEach(several, 2);
    const ids = new Map<number, string>();
    for (const [number, agent] of agents) {
      ids.set(number, `request-of-process-${number}`);
      assert.equal(statusOf(await inferAs(keys.one, agent, ids.get(number))), 200);
    }
    for (const agent of agents.values())
      for (const id of ids.values()) {
        const outcome = await ask(`/v1/requests/${id}`, { agent });
        assert.equal(statusOf(outcome), 200, JSON.stringify(outcome));
        assert.equal((JSON.parse(bodyOf(outcome)) as { request_id: string }).request_id, id);
      }
    await everywhere('/v1/requests?recent=1000', ({ requests }) => {
      const found = (requests as { request_id: string }[]).map(({ request_id: id }) => id);
      for (const id of ids.values()) assert.equal(found.filter((one) => one === id).length, 1);
    });
    const [one, other] = await Promise.all([...agents.values()].map((agent) => json('/v1/requests/summary', agent)));
    assert.deepEqual(one!.models, other!.models);
    const [small] = (one!.models as { model: string; count: number }[]).filter(({ model }) => model === 'small');
    assert.ok(small && small.count >= 2);
  });

  it('does jobs for all, and shows them to whoever is asked', async () => {
    const agents = await connectionToEach(several, 2);
    const ids: string[] = [];
    for (const [number, agent] of agents) {
      const headers = { Prefer: 'respond-async', 'Idempotency-Key': `key-${number}` };
      const accepted = await job(agent, number, headers);
      assert.equal(statusOf(accepted), 202, JSON.stringify(accepted));
      ids.push((JSON.parse(bodyOf(accepted)) as { id: string }).id);
      // The same request to the other one is the same job.
      for (const other of agents.values())
        assert.equal((JSON.parse(bodyOf(await job(other, number, headers))) as { id: string }).id, ids.at(-1));
    }
    for (const agent of agents.values()) {
      await waitFor(
        'the jobs to be done',
        async () =>
          ((await json('/v1/jobs', agent)).jobs as { state: string }[]).every(({ state }) => state === 'done'),
        { deadlineMs: 300_000 },
      );
      for (const id of ids) {
        const events = await ask(`/v1/jobs/${id}/events`, { agent });
        assert.match(bodyOf(events), /event: state/);
        assert.equal(statusOf(await ask(`/v1/jobs/${id}/result`, { agent })), 200);
      }
    }
    for (const [at, agent] of [...agents.values()].entries())
      assert.equal(statusOf(await ask(`/v1/jobs/${ids[at]}`, { agent, method: 'DELETE' })), 204);
    await everywhere('/v1/jobs', ({ jobs }) => assert.deepEqual(jobs, []));
  });

  it('goes on with a job whose process is killed, and others wait for it meanwhile', async () => {
    const agents = await connectionToEach(several, 2);
    const accepted = await job(agents.get(2)!, 5, { Prefer: 'respond-async' }, 400);
    const { id } = JSON.parse(bodyOf(accepted)) as { id: string };
    await waitFor('it to run', async () => (await json(`/v1/jobs/${id}`, agents.get(2)!)).progress, {
      everyMs: 10,
      deadlineMs: 300_000,
    });
    const before = await several.standings();
    process.kill(before.find(({ process }) => process === 1)!.pid!, 'SIGKILL');
    // The process that has the jobs is down: the question waits, and has its answer.
    const shown = await ask(`/v1/jobs/${id}`, { agent: agents.get(2)! });
    assert.equal(statusOf(shown), 200, JSON.stringify(shown));
    const done = await waitFor(
      'the job to be done',
      async () => {
        const found = await json(`/v1/jobs/${id}`, agents.get(2)!);
        return found.state === 'done' && found;
      },
      { deadlineMs: 300_000 },
    );
    assert.equal(done.attempt, 2);
    await several.ready();
  });

  it('allows a client its quota of inferences, whichever process it asks', async () => {
    const agents = [...(await connectionToEach(several, 2)).values()];
    const startedAt = performance.now();
    const statuses: number[] = [];
    await Promise.all(
      agents.map(async (agent) => {
        for (let count = 0; count < 2 * inferPerMinute; count += 1)
          statuses.push(statusOf(await inferAs(keys.poor, agent)));
      }),
    );
    const refilled = ((performance.now() - startedAt) / 60_000) * inferPerMinute;
    const allowed = statuses.filter((status) => status === 200).length;
    assert.deepEqual(new Set(statuses), new Set([200, 429]));
    assert.ok(allowed >= inferPerMinute, `${allowed} were allowed`);
    assert.ok(allowed <= inferPerMinute + refilled + 1, `${allowed} were allowed, ${refilled} came back`);
  });

  it('allows a client its quota of tasks exactly', async () => {
    const agents = [...(await connectionToEach(several, 2)).values()];
    const startedAt = performance.now();
    const outcomes = await Promise.all(
      Array.from({ length: 4 * tasksPerMinute }, (_, at) => job(agents[at % 2]!, at, bearer(keys.poor), 10, 32)),
    );
    const refilled = ((performance.now() - startedAt) / 60_000) * tasksPerMinute;
    const allowed = outcomes.filter((outcome) => statusOf(outcome) === 200).length;
    assert.ok(
      allowed >= tasksPerMinute && allowed <= tasksPerMinute + refilled + 1,
      `${allowed}, ${refilled}: ${outcomes.map(bodyOf).find((body) => body.includes('error'))}`,
    );
  });

  it('knows the keys of a changed file everywhere', async () => {
    const changed = { ...keys, late: 'a-key-that-comes-later' };
    await writeCredentials(folder.path, { keys: changed, adminToken });
    const agents = [...(await connectionToEach(several, 2)).values()];
    await waitFor('the new key to be known', async () => statusOf(await inferAs(changed.late, agents[0]!)) === 200);
    await waitFor(
      'the other process to know it',
      async () => statusOf(await inferAs(changed.late, agents[1]!)) === 200,
    );
    await writeFile(join(folder.path, 'unused'), '');
  });

  /** Asks each process. */
  async function everywhere(path: string, check: (answer: Record<string, unknown>) => void): Promise<void> {
    for (const agent of (await connectionToEach(several, 2)).values()) check(await json(path, agent));
  }

  async function json(path: string, agent: Agent): Promise<Record<string, unknown>> {
    const outcome = await ask(path, { agent });
    assert.equal(statusOf(outcome), 200, JSON.stringify(outcome));
    return JSON.parse(bodyOf(outcome)) as Record<string, unknown>;
  }

  async function change(path: string, body: unknown): Promise<void> {
    const outcome = await ask(path, { body });
    assert.equal(statusOf(outcome), 200, JSON.stringify(outcome));
  }

  function ask(path: string, { body, agent, method }: { body?: unknown; agent?: Agent; method?: string }) {
    return send(`${several.url}${path}`, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: bearer(adminToken),
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(agent && { agent }),
    });
  }

  function inferAs(key: string, agent: Agent, id?: string): Promise<Outcome> {
    return infer(several.url, { agent, headers: { ...bearer(key), ...(id && { 'X-Request-Id': id }) } });
  }

  function job(agent: Agent, seed: number, headers: Record<string, string>, steps = 20, size = 128): Promise<Outcome> {
    return send(`${several.url}/v1/microstructure`, {
      method: 'POST',
      agent,
      headers: { ...bearer(keys.one), ...headers },
      body: JSON.stringify({ size, samples: 1, steps, seed, format: 'npy' }),
    });
  }
});

function bearer(token: string): Record<string, string> {
  return { Authorization: `Bearer ${token}` };
}

function statusOf(outcome: Outcome): number {
  return 'status' in outcome ? outcome.status : 0;
}

function bodyOf(outcome: Outcome): string {
  return 'body' in outcome ? outcome.body : outcome.error;
}
