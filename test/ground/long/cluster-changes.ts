// outside: a cluster has namespaces of its own, and what is missing is built from modules.

import assert from 'node:assert/strict';
import { clusterDown } from '../../../launcher/cluster/cluster-down.ts';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { waitFor } from '../../../testkit/wait-for.ts';
import { clusterOrSkip } from '../cluster/cluster-or-skip.ts';
import { signalPod } from '../cluster/node-process.ts';
import { ReplicaJobs } from '../cluster/replica-jobs.ts';
import { steadyLoad } from '../cluster/steady-load.ts';
import { applyOneNode, type Pod, type VitrineOnCluster } from '../cluster/vitrine-on-cluster.ts';

const patience = { deadlineMs: 300_000, everyMs: 1_000 };

/** What a cluster goes through in a month, on two nodes. `npm run test:cluster` runs it. */
describe('Vitrine on two nodes', function () {
  this.timeout(20 * 60_000);
  let cluster: Cluster;
  let vitrine: VitrineOnCluster;
  let answeredInAll = 0;

  before(async function () {
    cluster = await clusterOrSkip(this as never, { nodes: 2 });
    vitrine = await applyOneNode(cluster, { replicas: 2 });
    await vitrine.untilReady();
  });

  after(async () => {
    if (cluster !== undefined) await clusterDown(cluster.record.name);
  });

  it('has a replica on each node', async () => {
    const { items } = await vitrine.get<{ items: Pod[] }>('pods', '-l', 'app.kubernetes.io/component=service');
    assert.deepEqual(items.map(({ spec }) => spec.nodeName).sort(), ['node1', 'node2']);
  });

  it('fails no request while it is updated and rolled back, ends each job once, and counts all', async () => {
    const sending = new AbortController();
    const jobs = [0, 1].map((replica) => new ReplicaJobs(vitrine.urlOf(replica), vitrine.key));
    const sent = jobs.map((each) => each.keepSending(sending.signal, 2_000));
    const load = await steadyLoad(vitrine.url, vitrine.key);
    await waitFor('the first answers', () => load.answered() > 20);
    await vitrine.kubectl('set', 'env', 'statefulset/service', 'VITRINE_EVENT_HEARTBEAT_MS=14000');
    await vitrine.kubectl('rollout', 'status', 'statefulset/service', '--timeout=600s');
    await vitrine.kubectl('rollout', 'undo', 'statefulset/service');
    await vitrine.kubectl('rollout', 'status', 'statefulset/service', '--timeout=600s');
    sending.abort();
    await Promise.all(sent);
    await stopWithoutFailure(load);
    const accepted = jobs.flatMap((each) => each.accepted);
    const states = await Promise.all(jobs.map((each) => each.untilEnded()));
    console.log(`      ${accepted.length} jobs accepted`);
    assert.deepEqual(
      states,
      jobs.map((each) => ({ done: each.accepted.length })),
      'each is done',
    );
    const ends = () => vitrine.countedInAll('jobs_total{status="done"}');
    await waitFor('the count of ends', async () => (await ends()) === accepted.length, patience).catch(async () =>
      assert.equal(await ends(), accepted.length, 'each ended once'),
    );
    await untilCounted();
  });

  it('restarts a replica that is stuck, and leaves one that is busy', async () => {
    const before = await Promise.all(['service-0', 'service-1'].map((pod) => vitrine.restarts(pod)));
    const load = await steadyLoad(vitrine.urlOf(0), vitrine.key, { connections: 32 });
    await signalPod(cluster, 'service-1', 'STOP');
    await vitrine.untilRestarted('service-1', before[1]!);
    await stopWithoutFailure(load);
    assert.equal(await vitrine.restarts('service-0'), before[0], 'the busy one was not restarted');
  });

  async function stopWithoutFailure(load: Awaited<ReturnType<typeof steadyLoad>>): Promise<void> {
    const { answered, failures } = await load.stop();
    answeredInAll += answered;
    console.log(`      ${answered} requests answered, ${failures.length} failed`);
    assert.deepEqual(failures, []);
  }

  /** Until every request that was answered is counted, once. */
  async function untilCounted(): Promise<void> {
    const counter = 'http_requests_total{endpoint="/v2/models/:model/infer",status="200"}';
    const counted = () => vitrine.countedInAll(counter);
    await waitFor('the count', async () => (await counted()) === answeredInAll, patience).catch(async () =>
      assert.equal(await counted(), answeredInAll),
    );
  }
});
