import { join } from 'node:path';
import type { Cluster } from '../../../launcher/cluster/cluster-up.ts';
import { insideOf } from '../../../launcher/cluster/node-namespaces.ts';
import { runCommand } from '../../../launcher/run-command.ts';

/** Runs a command in the namespaces of a node. */
export async function inNode({ record }: Cluster, node: string, command: readonly string[]): Promise<string> {
  const pid = await insideOf(record.nodes[node]!);
  return runCommand('nsenter', [`--target=${pid}`, '--mount', '--pid', '--net', ...command]);
}

export type PodProcess = { readonly node: string; readonly pid: string };

/** The first process of a pod, by its number in its node. */
export async function podProcess(cluster: Cluster, pod: string, { namespace = 'vitrine' } = {}): Promise<PodProcess> {
  const answer = await cluster.kubectl([
    ...['--namespace', namespace, 'get', 'pod', pod],
    ...['-o', 'jsonpath={.spec.nodeName} {.status.containerStatuses[0].containerID}'],
  ]);
  const [node = '', container = ''] = answer.split(' ');
  const socket = join(cluster.folder, node, 'containerd.sock');
  const tasks = await runCommand('ctr', ['--address', socket, '--namespace', 'k8s.io', 'tasks', 'list']);
  const [, pid] = new RegExp(`^${container.replace('containerd://', '')}\\s+(\\d+)\\s+RUNNING`, 'm').exec(tasks) ?? [];
  if (pid === undefined) throw new Error(`${pod} has no running container:\n${tasks}`);
  return { node, pid };
}

/** Sends a signal to the init of a pod and to what it has started. */
export async function signalPod(cluster: Cluster, pod: string, signal: 'STOP' | 'KILL'): Promise<void> {
  const { node, pid } = await podProcess(cluster, pod);
  await inNode(cluster, node, ['sh', '-c', `kill -${signal} $(cat /proc/${pid}/task/${pid}/children) ${pid}`]);
}

export type Destination = { readonly address: string; readonly port: number };

/** Whether a connection opens within three seconds, from the network of a pod or of its node. */
export async function reaches(
  cluster: Cluster,
  { node, pid }: PodProcess | { readonly node: string; readonly pid?: undefined },
  { address, port }: Destination,
): Promise<boolean> {
  const connect = ['timeout', '3', 'bash', '-c', `</dev/tcp/${address}/${port}`];
  const command = pid === undefined ? connect : ['nsenter', `--target=${pid}`, '--net', ...connect];
  return inNode(cluster, node, command).then(
    () => true,
    () => false,
  );
}
