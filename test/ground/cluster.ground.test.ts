// outside: a cluster has namespaces of its own, and what is missing is built from modules.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clusterDown } from '../../launcher/cluster/cluster-down.ts';
import { cgroupOf, clusterFolder, hostInterface } from '../../launcher/cluster/cluster-place.ts';
import { type Cluster, clusterUp } from '../../launcher/cluster/cluster-up.ts';
import { waitFor } from '../../testkit/wait-for.ts';
import { clusterOrSkip } from './cluster/cluster-or-skip.ts';
import { HelmOnCluster } from './cluster/helm-on-cluster.ts';
import { applyKserve, kservePort, misspelt, runAsKserve } from './cluster/kserve-on-cluster.ts';
import { tryEveryWay } from './cluster/network-ways.ts';
import { inNode, signalPod } from './cluster/node-process.ts';
import { steadyLoad } from './cluster/steady-load.ts';
import { applyOneNode, makeNamespace, untilReachable, type VitrineOnCluster } from './cluster/vitrine-on-cluster.ts';

const patience = { deadlineMs: 180_000, everyMs: 1_000 };

/** `npm run test:cluster` has what takes longer: updates, nodes that are lost, autoscaling. */
describe('Vitrine on Kubernetes', function () {
  this.timeout(15 * 60_000);
  let cluster: Cluster;
  let vitrine: VitrineOnCluster;

  before(async function () {
    cluster = await clusterOrSkip(this as never, { policies: true, metrics: true });
    vitrine = await applyOneNode(cluster, { replicas: 2 });
    await vitrine.untilReady();
  });

  after(async () => {
    if (cluster === undefined) return;
    await clusterDown(cluster.record.name);
    // Nothing outside is left: no folder, no interface, no cgroup, no mount.
    assert.ok(!existsSync(clusterFolder(cluster.record.name)), 'its folder');
    assert.ok(!existsSync(`/sys/class/net/${hostInterface(cluster.record.name)}`), 'its interface');
    assert.ok(
      !(await readFile('/proc/self/mounts', 'utf8')).includes(clusterFolder(cluster.record.name)),
      'its mounts',
    );
    for (const controller of ['.', 'memory', 'cpu', 'unified'])
      assert.ok(!existsSync(join('/sys/fs/cgroup', controller, cgroupOf(cluster.record.name))), 'its cgroups');
  });

  it('is refused a second time in one sentence', async () => {
    await assert.rejects(
      clusterUp({ name: cluster.record.name }),
      /^StackFailure: Cannot start the cluster \w+: it runs already; stop it/,
    );
  });

  it('shows a request in all stores: its trace, its log line, its count', async () => {
    const answer = await fetch(`${vitrine.url}/v2/models/not-there/infer`, {
      method: 'POST',
      headers: { 'x-api-key': vitrine.key, 'content-type': 'application/json' },
      body: '{"inputs":[]}',
    });
    assert.equal(answer.status, 404);
    const traceId = answer.headers.get('traceresponse')!.split('-')[1]!;
    await waitFor(
      'its trace',
      async () => (await vitrine.ask('tempo:3200', `/api/traces/${traceId}`)) !== '',
      patience,
    );
    const line = encodeURIComponent(`{service_name="vitrine"} | trace_id="${traceId}"`);
    await waitFor(
      'its log line',
      async () => (await vitrine.ask('loki:3100', `/loki/api/v1/query_range?query=${line}`)).includes(traceId),
      patience,
    );
    await waitFor(
      'its count',
      async () => (await vitrine.query('sum(http_requests_total{status="404"})'))[0]?.value === 1,
      patience,
    );
  });

  it('lets Prometheus ask everything that it is configured to ask', async () => {
    await waitFor(
      'an answer of each',
      async () => {
        const states = await vitrine.query('up');
        return states.length >= 5 && states.every(({ value }) => value === 1);
      },
      patience,
    ).catch(async () => assert.deepEqual(await vitrine.query('up == 0'), []));
  });

  it('changes nothing when it is applied again', async () => {
    const versions = async () => {
      const kinds = 'statefulsets,services,networkpolicies,configmaps,poddisruptionbudgets,serviceaccounts';
      const { items } = await vitrine.get<{ items: Applied[] }>(kinds);
      // A status is written again at times: what was asked for has a number of its own then.
      return items.map(({ kind, metadata }) => [kind, metadata.name, metadata.generation ?? metadata.resourceVersion]);
    };
    const before = await versions();
    await cluster.kubectl(['apply', '--server-side', '-f', vitrine.manifests]);
    assert.deepEqual(await versions(), before);
  });

  it('lets each pod reach what it needs, and nothing else', async () => {
    const refused = await tryEveryWay(cluster, vitrine);
    assert.ok(refused >= 20, `${refused} ways were refused`);
  });

  it('is refused a pod that is not restricted', async () => {
    const file = join(cluster.folder, 'privileged.json');
    const container = { name: 'root', image: 'busybox:1.37.0-musl', securityContext: { privileged: true } };
    const metadata = { name: 'root', namespace: 'vitrine' };
    await writeFile(
      file,
      JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata, spec: { containers: [container] } }),
    );
    await assert.rejects(cluster.kubectl(['apply', '-f', file]), /violates PodSecurity "restricted:latest"/);
  });

  it('gives each claim a volume of its size', async () => {
    const volume = await vitrine.kubectl('get', 'pvc', 'data-service-0', '-o', 'jsonpath={.spec.volumeName}');
    const path = join(cluster.folder, 'node1/volumes', volume);
    const [, bytes] = (await inNode(cluster, 'node1', ['df', '--block-size=1', '--output=size', path]))
      .trim()
      .split('\n');
    assert.ok(Number(bytes) > 15 * 2 ** 30 && Number(bytes) <= 16 * 2 ** 30, bytes);
  });

  it('counts what each pod takes, for autoscalers', async () => {
    await waitFor(
      'the figures of the service',
      async () => /^service-0 +\d+m +\d+Mi/m.test(await vitrine.kubectl('top', 'pods').catch(() => '')),
      patience,
    );
  });

  it('is installed by Helm, and leaves nothing but its volumes when it goes', async () => {
    const namespace = 'helm';
    await makeNamespace(cluster, { namespace, folder: vitrine.folder, key: vitrine.key });
    await cluster.kubectl(['label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted']);
    const helm = await HelmOnCluster.open(cluster, namespace);
    assert.match(await helm.install(), /STATUS: deployed/);
    const path = `/api/v1/namespaces/${namespace}/services/service:8000/proxy/ready`;
    assert.match(await cluster.kubectl(['get', '--raw', path]), /ready|ok/i);
    await helm.uninstall();
    const kinds = 'statefulsets,services,pods,networkpolicies,poddisruptionbudgets';
    const left = () => cluster.kubectl(['--namespace', namespace, 'get', kinds, '-o', 'name']);
    // The service gives its callers notice, also here.
    await waitFor('nothing to be left', async () => (await left()) === '', patience).catch(async () =>
      assert.equal(await left(), ''),
    );
    const volumes = await cluster.kubectl(['--namespace', namespace, 'get', 'pvc', 'data-service-0', '-o', 'name']);
    assert.match(volumes, /data-service-0/, 'volumes are kept');
    await cluster.kubectl(['delete', 'namespace', namespace, '--timeout=120s']);
  });

  it('is what KServe knows, and serves a model as KServe would have it serve', async () => {
    await applyKserve(cluster);
    await assert.rejects(
      cluster.kubectl(['apply', '--server-side', '--validate=strict', '-f', await misspelt(cluster)]),
      /protocolVersion.*field not declared in schema|unknown field.*protocolVersion/s,
    );
    const key = await runAsKserve(cluster, 'mine');
    const url = vitrine.url.replace(/\d+$/, String(kservePort));
    await untilReachable(url);
    const load = await steadyLoad(url, key, { model: 'mine' });
    await waitFor('the first answers', () => load.answered() > 20);
    assert.deepEqual((await load.stop()).failures, []);
  });

  it('fails no request while a pod is deleted, and counts each', async () => {
    const load = await steadyLoad(vitrine.url, vitrine.key);
    await waitFor('the first answers', () => load.answered() > 20);
    await vitrine.kubectl('delete', 'pod', 'service-0');
    await vitrine.kubectl('rollout', 'status', 'statefulset/service', '--timeout=300s');
    const { answered, failures } = await load.stop();
    console.log(`      ${answered} requests answered, ${failures.length} failed`);
    assert.deepEqual(failures, []);
    const counted = () => vitrine.countedInAll('http_requests_total{endpoint="/v2/models/:model/infer",status="200"}');
    await waitFor('their count', async () => (await counted()) === answered, patience).catch(async () =>
      assert.equal(await counted(), answered),
    );
  });

  it('fails no more than what a pod has in hand when it is killed', async () => {
    const load = await steadyLoad(vitrine.url, vitrine.key);
    await waitFor('the first answers', () => load.answered() > 20);
    const restarts = await vitrine.restarts('service-1');
    await signalPod(cluster, 'service-1', 'KILL');
    await vitrine.untilRestarted('service-1', restarts);
    const { answered, failures } = await load.stop();
    console.log(`      ${answered} requests answered, ${failures.length} failed`);
    // Its connections break, and new ones are refused until its address is out of the Service.
    assert.ok(
      failures.every(({ what }) => ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(what)),
      JSON.stringify(failures),
    );
    const [first, last] = [failures[0]?.atMs ?? 0, failures.at(-1)?.atMs ?? 0];
    assert.ok(last - first < 15_000, `requests failed for ${last - first} ms`);
  });
});

type Applied = {
  kind: string;
  metadata: { name: string; generation?: number; resourceVersion: string };
};
