import { existsSync, readFileSync } from 'node:fs';
import { rename, statfs, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { lastLines } from '../../cli/console-log.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { ensureImages } from '../ground/build-images.ts';
import { groundNeeds } from '../ground/ground-needs.ts';
import { isRunning } from '../process-identity.ts';
import { takeLock } from '../process-lock.ts';
import { type CommandOptions, runCommand } from '../run-command.ts';
import { ensureServer } from '../servers/ensure-server.ts';
import { StackFailure } from '../stack-failure.ts';
import { addOns } from './add-ons.ts';
import { kubeconfigOf, makeCertificates } from './certificates.ts';
import { clusterDown, removeClustersFolder } from './cluster-down.ts';
import {
  apiPort,
  type ClusterRecord,
  cgroupOf,
  clusterFolder,
  clusterNames,
  nodeAddress,
  readRecord,
  writeRecord,
} from './cluster-place.ts';
import { connectNode } from './connect-node.ts';
import { makeCgroup, startNode } from './node-namespaces.ts';
import { type Folders, nodeName, planNode } from './node-plan.ts';
import { programImage } from './program-image.ts';
import { type ClusterProgramName, clusterPrograms } from './programs.ts';

export type ClusterOptions = {
  readonly name: string;
  readonly nodes?: number;
  /** Enforces network policies, by kube-router. */
  readonly policies?: boolean;
  /** Answers how much processor and memory pods take, for autoscalers, by metrics-server. */
  readonly metrics?: boolean;
  readonly images?: boolean;
  /** It ends with this process, also where that is killed; by itself a cluster stays. */
  readonly endsWithCaller?: boolean;
  readonly onStep?: (text: string) => void;
  readonly signal?: AbortSignal | undefined;
  readonly env?: NodeJS.ProcessEnv;
};

export type Cluster = {
  readonly record: ClusterRecord;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly kubectlPath: string;
  readonly kubectl: (parameters: readonly string[], options?: CommandOptions) => Promise<string>;
};

const apiMsMax = 180_000;
const readyMsMax = 180_000;
const diskBytesMin = 6e9;

/**
 * Starts Kubernetes on this machine, from programs built here, in namespaces of its own: nothing of
 * it is outside but a folder, a cgroup and one interface. What fails half way is taken down again.
 */
export async function clusterUp(options: ClusterOptions): Promise<Cluster> {
  const { name, onStep = () => undefined } = options;
  const folder = clusterFolder(name);
  const needs = await clusterNeeds(options);
  if (needs.length > 0) throw new StackFailure(needs.join('\n'));
  const lock = await takeLock(`${folder}.lock`);
  if ('owner' in lock)
    throw new StackFailure(
      `Cannot start the cluster ${name}: process ${lock.owner.pid} starts it or stops it; wait for that, or choose another name with --name.`,
    );
  try {
    const there = await readRecord(name);
    if (there !== undefined && (await anyRuns(there)))
      throw new StackFailure(
        `Cannot start the cluster ${name}: it runs already; stop it with \`vitrine cluster down --name ${name}\`, or choose another name with --name.`,
      );
    await clusterDown(name, { locked: true });
    const folders = await buildPrograms(options);
    try {
      return await start(options, folders);
    } catch (error) {
      onStep('The cluster did not come up; what was begun is taken down.');
      await clusterDown(name, { locked: true });
      throw error;
    }
  } catch (error) {
    // What was waited for says only that it was aborted.
    options.signal?.throwIfAborted();
    throw error;
  } finally {
    await lock.release();
    await removeClustersFolder();
  }
}

async function anyRuns({ nodes }: ClusterRecord): Promise<boolean> {
  for (const identity of Object.values(nodes)) if (await isRunning(identity)) return true;
  return false;
}

/** What keeps this machine from it, each a sentence with its remedy. */
export async function clusterNeeds({ policies = false }: Pick<ClusterOptions, 'policies'> = {}): Promise<string[]> {
  const needs = await groundNeeds('/var/lib', [
    ...(['containerd', 'runc', 'iptables', 'busybox', 'unshare', 'ip', 'tar'] as const),
  ]);
  if (needs.length > 0) return needs;
  for (const [file, packages] of [
    ['/usr/lib/cni/ptp', 'containernetworking-plugins'],
    ['/usr/bin/ctr', 'containerd'],
    ['/usr/bin/openssl', 'openssl'],
    ['/usr/sbin/mkfs.ext4', 'e2fsprogs'],
    ['/usr/bin/nsenter', 'util-linux'],
    ...(policies ? ([['/usr/sbin/ipset', 'ipset']] as const) : []),
  ] as const)
    if (!existsSync(file))
      needs.push(`Cannot run Kubernetes: there is no ${file}; install it with apt-get install ${packages}.`);
  const { bavail, bsize } = await statfs('/var/lib');
  if (bavail * bsize < diskBytesMin)
    needs.push(
      `Cannot run Kubernetes: ${(bavail * bsize) / 1e9} GB is free in /var/lib, and it needs ${diskBytesMin / 1e9} GB; free some.`,
    );
  return needs;
}

async function buildPrograms({ policies, metrics, onStep = () => undefined, signal, env }: ClusterOptions) {
  const names: ClusterProgramName[] = ['kubernetes', 'etcd', 'coredns'];
  if (policies) names.push('kubeRouter');
  if (metrics) names.push('metricsServer');
  const folders: Partial<Record<ClusterProgramName, string>> = {};
  for (const name of names) {
    const { title, coldBuildSeconds } = clusterPrograms[name];
    let said = false;
    folders[name] = await ensureServer(clusterPrograms[name], {
      ...(env && { env }),
      ...(signal && { signal }),
      onProgress: ({ phase }) => {
        if (said || phase === 'done') return;
        said = true;
        onStep(`Building ${title}, about ${Math.ceil(coldBuildSeconds / 60)} min of one core; the next start has it …`);
      },
    });
  }
  return folders as Folders;
}

async function start(options: ClusterOptions, folders: Folders): Promise<Cluster> {
  const { name, nodes = 1, onStep = () => undefined, signal } = options;
  const folder = clusterFolder(name);
  const images = options.images === false ? [] : await loadable(options);
  let record: ClusterRecord = { name, subnet: await freeSubnet(), nodes: {} };
  await makeCertificates(join(folder, 'keys'), [nodeAddress(record, 1), '10.96.0.1', '127.0.0.1']);
  const kubeconfig = join(folder, 'kubeconfig');
  const text = kubeconfigOf(name, nodeAddress(record, 1), (file) => readFileSync(join(folder, 'keys', file)));
  await writeFile(kubeconfig, text, { mode: 0o600 });
  await makeCgroup(cgroupOf(name));
  for (let node = 1; node <= nodes; node += 1) {
    const identity = await startNode(join(folder, nodeName(node)), options);
    record = { ...record, nodes: { ...record.nodes, [nodeName(node)]: identity } };
    await writeRecord(record); // Before anything else, so that it can be taken down.
    await makeCgroup(cgroupOf(name, nodeName(node)));
    await connectNode(record, node, identity);
    await writePlan(record, node, folders);
  }
  const cluster = clusterOf(record, folders.kubernetes);
  onStep('etcd, the API server, the scheduler and the controllers are starting …');
  await until(apiMsMax, signal, 'the API server', cluster, async () => {
    await cluster.kubectl(['get', '--raw', '/readyz']);
  });
  onStep(`The API server answers at https://${nodeAddress(record, 1)}:${apiPort}.`);
  await until(readyMsMax, signal, 'the nodes', cluster, async () => {
    await cluster.kubectl(['wait', '--for=condition=Ready', 'node', '--all', '--timeout=5s']);
    const known = (await cluster.kubectl(['get', 'nodes', '-o', 'name'])).trim().split('\n');
    if (known.length < nodes) throw new Error('a node is missing');
  });
  onStep(nodes === 1 ? 'Its node is ready.' : `Its ${nodes} nodes are ready.`);
  await loadImages(cluster, images, onStep);
  await addOns(cluster, folders, options);
  return cluster;
}

async function loadable(options: ClusterOptions) {
  const { onStep, signal, env } = options;
  const { images } = await ensureImages({
    ...(onStep && { onStep }),
    ...(signal && { signal }),
    ...(env && { env }),
  });
  return images;
}

/** A running cluster by its record. */
export function clusterOf(record: ClusterRecord, kubernetes: string): Cluster {
  const folder = clusterFolder(record.name);
  const kubeconfig = join(folder, 'kubeconfig');
  return {
    record,
    folder,
    kubeconfig,
    kubectlPath: join(kubernetes, 'kubectl'),
    kubectl: (parameters, options = {}) =>
      runCommand(join(kubernetes, 'kubectl'), parameters, {
        ...options,
        env: { ...process.env, ...options.env, KUBECONFIG: kubeconfig, KUBECACHEDIR: join(folder, 'kubectl') },
      }),
  };
}

/** The lowest number whose addresses neither this machine nor another cluster has. */
async function freeSubnet(): Promise<number> {
  const records = await Promise.all((await clusterNames()).map(readRecord));
  const own = Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
  for (let subnet = 1; subnet < 255; subnet += 1)
    if (
      !records.some((record) => record?.subnet === subnet) &&
      !own.some((address) => address.startsWith(`10.98.${subnet}.`))
    )
      return subnet;
  throw new StackFailure(
    'Cannot start a cluster: all networks from 10.98.1.0 to 10.98.254.0 are taken; stop a cluster with `vitrine cluster down`.',
  );
}

async function writePlan(record: ClusterRecord, node: number, folders: Folders): Promise<void> {
  const plan = planNode(record, { folders, node });
  const file = join(plan.folder, 'plan.json');
  await makeFolder(plan.folder);
  await writeFile(`${file}.new`, JSON.stringify(plan));
  await rename(`${file}.new`, file); // The node reads it as soon as it is there.
}

async function loadImages(
  cluster: Cluster,
  images: readonly { name: string; file: string }[],
  onStep: (text: string) => void,
) {
  const own = await programImage(cluster, clusterPrograms.coredns);
  for (const image of [own, ...images]) {
    onStep(`Loading ${image.name} …`);
    await loadImage(cluster, image);
  }
}

/** Gives an image to each node: no registry has it. */
export async function loadImage({ record, folder }: Cluster, { file }: { readonly file: string }): Promise<void> {
  for (const node of Object.keys(record.nodes)) {
    const socket = join(folder, node, 'containerd.sock');
    await runCommand('ctr', ['--address', socket, '--namespace', 'k8s.io', 'images', 'import', file]);
  }
}

async function until(
  msMax: number,
  signal: AbortSignal | undefined,
  what: string,
  cluster: Cluster | undefined,
  act: () => Promise<void>,
): Promise<void> {
  const endsAt = performance.now() + msMax;
  for (;;) {
    signal?.throwIfAborted();
    await refuseEnded(cluster);
    try {
      return await act();
    } catch (error) {
      if (performance.now() > endsAt)
        throw new StackFailure(
          `Cannot start the cluster: ${what} did not get ready within ${msMax / 1000} s (${(error as Error).message.split('\n').at(-1)}); free processors and memory${cluster ? `, and read the logs in ${cluster.folder}` : ''}.`,
          { cause: error },
        );
      await pause(200);
    }
  }
}

/** A node whose first process has ended says why in its log. */
async function refuseEnded(cluster: Cluster | undefined): Promise<void> {
  for (const [node, identity] of Object.entries(cluster?.record.nodes ?? {})) {
    if (await isRunning(identity)) continue;
    const lines = await lastLines(join(cluster!.folder, node, 'node.log'), 5);
    throw new StackFailure(`Cannot start the cluster: ${node} ended; its last lines say why:\n${lines.join('\n')}`);
  }
}
