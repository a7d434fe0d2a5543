import assert from 'node:assert/strict';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { podProcess, reaches } from './node-process.ts';
import type { VitrineOnCluster } from './vitrine-on-cluster.ts';

/** Every port that something of Vitrine listens at, by component. */
const ports: Readonly<Record<string, readonly number[]>> = {
  service: [8000],
  receiver: [8010],
  collector: [4317, 4318, 8888, 13133],
  prometheus: [9090],
  tempo: [3200, 4327],
  loki: [3100],
  alertmanager: [9093],
};

/** Who may reach what, as deploy/kubernetes says it. All else is refused. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  service: ['collector:4317', 'prometheus:9090', 'tempo:3200', 'loki:3100', 'alertmanager:9093'],
  receiver: ['collector:4317'],
  collector: ['prometheus:9090', 'tempo:4327', 'loki:3100'],
  prometheus: ['collector:8888', 'tempo:3200', 'tempo:4327', 'loki:3100', 'alertmanager:9093'],
  tempo: [],
  loki: ['alertmanager:9093', 'receiver:8010'],
  alertmanager: ['receiver:8010'],
  // A pod of another namespace.
  stranger: ['service:8000', 'receiver:8010'],
};

/**
 * Tries every way from each pod to each port; answers how many were refused, all of them rightly.
 */
export async function tryEveryWay(cluster: Cluster, vitrine: VitrineOnCluster): Promise<number> {
  const addresses = new Map<string, string>();
  for (const component of Object.keys(ports))
    addresses.set(component, await vitrine.kubectl('get', 'pod', `${component}-0`, '-o', 'jsonpath={.status.podIP}'));
  const found: string[] = [];
  let refused = 0;
  // Side by side: a way that is closed takes three seconds to show it.
  const tries = Object.entries(allowed).map(async ([from, may]) => {
    const source = from === 'stranger' ? await stranger(cluster) : await podProcess(cluster, `${from}-0`);
    await Promise.all(
      waysFrom(from).map(async ([to, port]) => {
        const wanted = may.includes(`${to}:${port}`);
        const reached = await reaches(cluster, source, { address: addresses.get(to)!, port });
        if (reached !== wanted) found.push(`${from} ${wanted ? 'cannot reach' : 'can reach'} ${to}:${port}`);
        if (!wanted) refused += 1;
      }),
    );
  });
  await Promise.all(tries);
  // A port that nobody listens at would be refused for another reason.
  for (const [to, port] of waysFrom('the node'))
    if (!(await reaches(cluster, { node: 'node1' }, { address: addresses.get(to)!, port })))
      found.push(`${to} does not listen at ${port}`);
  assert.deepEqual(found, []);
  return refused;
}

function waysFrom(from: string): [to: string, port: number][] {
  return Object.entries(ports).flatMap(([to, all]) =>
    to === from ? [] : all.map((port): [string, number] => [to, port]),
  );
}

async function stranger(cluster: Cluster) {
  const namespace = 'kube-system';
  const name = await cluster.kubectl([
    ...['--namespace', namespace, 'get', 'pod', '-l', 'k8s-app=kube-dns'],
    ...['-o', 'jsonpath={.items[0].metadata.name}'],
  ]);
  return podProcess(cluster, name, { namespace });
}
