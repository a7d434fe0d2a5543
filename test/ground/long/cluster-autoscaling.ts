// outside: a cluster has namespaces of its own, and what is missing is built from modules.

import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { clusterDown } from '../../../launcher/cluster/cluster-down.ts';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { waitFor } from '../../../testkit/wait-for.ts';
import { clusterOrSkip } from '../cluster/cluster-or-skip.ts';
import { applyPrometheusAdapter } from '../cluster/queue-metrics.ts';
import { steadyLoad } from '../cluster/steady-load.ts';
import { applyOneNode, type VitrineOnCluster } from '../cluster/vitrine-on-cluster.ts';

const shipped = join(import.meta.dirname, '../../../deploy/kubernetes/overlays/cluster/autoscaling.yaml');
const patience = { deadlineMs: 420_000, everyMs: 2_000 };

type Autoscaler = {
  spec: {
    minReplicas: number;
    maxReplicas: number;
    metrics: { type: 'Pods' | 'Resource' }[];
    behavior: object;
  };
};

/** `npm run test:cluster` runs it. */
describe('the autoscaler of overlays/cluster', function () {
  this.timeout(20 * 60_000);
  let cluster: Cluster;
  let vitrine: VitrineOnCluster;

  before(async function () {
    cluster = await clusterOrSkip(this as never, { metrics: true });
    vitrine = await applyOneNode(cluster, { cpu: '200m', promoted: ['k8s.namespace.name', 'k8s.pod.name'] });
    await vitrine.untilReady();
    await applyPrometheusAdapter(cluster);
  });

  after(async () => {
    if (cluster !== undefined) await clusterDown(cluster.record.name);
  });

  for (const [type, what, connections] of [
    ['Resource', 'the processors are busy', 8],
    ['Pods', 'callers would wait', 600],
  ] as const)
    it(`adds replicas when ${what}, and takes them away afterwards`, async () => {
      await apply(type);
      await waitFor('one replica', async () => (await wanted()) === 1, patience);
      const load = await steadyLoad(vitrine.url, vitrine.key, { connections });
      await waitFor('more replicas', async () => (await wanted()) > 1, patience).catch(explained);
      await vitrine.kubectl('rollout', 'status', 'statefulset/service', '--timeout=300s');
      const { answered, failures } = await load.stop();
      console.log(`      ${answered} requests answered, ${failures.length} failed`);
      assert.deepEqual(failures, []);
      await waitFor('one replica again', async () => (await wanted()) === 1, patience).catch(explained);
    });

  /** With one of its two reasons, fewer replicas and less patience. */
  async function apply(type: 'Pods' | 'Resource'): Promise<void> {
    const autoscaler = parse(await readFile(shipped, 'utf8')) as Autoscaler;
    const quick = { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 2, periodSeconds: 15 }] };
    const spec = {
      ...autoscaler.spec,
      minReplicas: 1,
      maxReplicas: 2,
      metrics: autoscaler.spec.metrics.filter((metric) => metric.type === type),
      behavior: { scaleUp: quick, scaleDown: { ...quick, stabilizationWindowSeconds: 15 } },
    };
    const file = join(cluster.folder, 'autoscaler.json');
    await writeFile(file, JSON.stringify({ ...autoscaler, spec }));
    await cluster.kubectl(['apply', '--server-side', '-f', file]);
  }

  async function wanted(): Promise<number> {
    return Number(await vitrine.kubectl('get', 'statefulset', 'service', '-o', 'jsonpath={.spec.replicas}'));
  }

  async function explained(error: Error): Promise<never> {
    throw new Error(`${error.message}\n${await vitrine.kubectl('describe', 'hpa', 'service')}`, { cause: error });
  }
});
