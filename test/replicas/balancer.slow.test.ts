import assert from 'node:assert/strict';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { availableOrSkip } from '../../testkit/available-or-skip.ts';
import { type Haproxy, startHaproxy } from '../../testkit/haproxy.ts';
import { identity, writeModel } from '../../testkit/models/models.ts';
import { type ServiceProcess, startService } from '../../testkit/service-process.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

const key = 'the-key-of-the-balancer-test';
const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 1], data: [1] }] });

describe('three replicas behind HAProxy', function () {
  this.timeout(300_000);
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let replicas: ServiceProcess[] = [];
  let balancer: Haproxy;
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });

  const settings = async (name: string) => ({
    ...(await writeCredentials(folder.path, { keys: { alice: key }, adminToken: 'the-token-of-the-balancer-test' })),
    VITRINE_MODELS: `${folder.path}/models`,
    VITRINE_DATA: `${folder.path}/${name}`,
    VITRINE_TRUST_PROXY: '127.0.0.1',
    VITRINE_STOP_NOTICE_MS: '3000',
    VITRINE_INFER_PER_MINUTE_MAX: '1000000',
    VITRINE_CONSOLE: 'json',
  });

  before(async function () {
    folder = await temporaryFolder();
    await writeModel(`${folder.path}/models`, 'copy', identity('FP32'));
    for (const name of ['one', 'two', 'three']) replicas.push(await startService(await settings(name)));
    const [one, two, three] = replicas.map(({ url }) => url) as [string, string, string];
    balancer = availableOrSkip(this, await startHaproxy([one, two, three]));
  });
  after(async () => {
    agent.destroy();
    await balancer?.[Symbol.asyncDispose]();
    for (const replica of replicas) await replica[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('all take work', async () => {
    const counted = await countWhile(async (load) => load.more(300));
    assert.deepEqual(counted.failed, []);
    for (const replica of replicas) assert.ok(await hasAnswered(replica), replica.url);
  });

  it('see the caller’s address and trace, and not what the caller says of its address', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const refused = await ask('wrong', { 'x-forwarded-for': '203.0.113.9', traceparent });
    assert.equal(refused.status, 401);
    assert.equal(refused.headers['x-request-id'], traceparent.split('-')[1]);
    const lines = await waitFor('the line of the refusal', () =>
      replicas.flatMap(({ said }) => said().split('\n')).filter((line) => line.includes('"caller_refused"')),
    );
    assert.match(lines.join('\n'), /"client.address":"127\.0\.0\.1"/);
    assert.doesNotMatch(lines.join('\n'), /203\.0\.113\.9/);
  });

  it('fail no request while one of them stops in order and comes back', async () => {
    const counted = await countWhile(async (load) => {
      await load.more(50);
      const port = new URL(replicas[0]!.url).port;
      assert.equal(await replicas[0]!.kill('SIGTERM'), 0);
      await load.more(200);
      replicas[0] = await startService({ ...(await settings('one')), VITRINE_PORT: port });
      await waitFor('it to be up again', () => balancer.isUp(1), { deadlineMs: 60_000 });
      await load.more(50);
    });
    assert.deepEqual(counted.failed, []);
  });

  it('lose only what was in flight on one that is killed', async () => {
    const counted = await countWhile(async (load) => {
      await load.more(50);
      await replicas[1]!.kill('SIGKILL');
      await waitFor('it to be down', async () => !(await balancer.isUp(2)), { deadlineMs: 60_000 });
      await load.more(200);
    });
    assert.ok(counted.failed.length <= 8, `${counted.failed.length} failed, and 8 were in flight at once`);
    // 502, or a connection that ends: HAProxy cannot say which of the two sides had begun to close it.
    assert.ok(
      counted.failed.every((status) => status === 502 || status === 0),
      String(counted.failed),
    );
    replicas = replicas.filter((_, index) => index !== 1);
  });

  /** Eight callers, one request after the other, until `work` is done. */
  async function countWhile(work: (load: { more(count: number): Promise<unknown> }) => Promise<unknown>) {
    let isOver = false;
    let ok = 0;
    const failed: number[] = [];
    const callers = Array.from({ length: 8 }, async () => {
      while (!isOver) {
        const { status } = await ask(key);
        if (status === 200) ok += 1;
        else failed.push(status);
      }
    });
    const more = (count: number) => {
      const goal = ok + count;
      return waitFor(`${count} more answers`, () => ok >= goal, { deadlineMs: 120_000, everyMs: 10 });
    };
    try {
      await work({ more });
    } finally {
      isOver = true;
      await Promise.all(callers);
    }
    return { ok, failed };
  }

  function ask(withKey: string, headers: Record<string, string> = {}) {
    return new Promise<{ status: number; headers: IncomingHttpHeaders }>((resolve) => {
      const cut = () => resolve({ status: 0, headers: {} });
      const sent = request(`${balancer.url}/v2/models/copy/infer`, {
        method: 'POST',
        agent,
        headers: { authorization: `Bearer ${withKey}`, ...headers },
      });
      sent.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers }));
        response.on('error', cut);
      });
      sent.on('error', cut);
      sent.end(body);
    });
  }

  async function hasAnswered(replica: ServiceProcess): Promise<boolean> {
    const response = await fetch(`${replica.url}/v1/requests/summary`, { headers: { authorization: `Bearer ${key}` } });
    return JSON.stringify(await response.json()).includes('"copy"');
  }
});
