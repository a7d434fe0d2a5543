import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../../src/if-there.ts';
import { makeFolder } from '../../src/make-folder.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { StackFailure } from '../stack-failure.ts';

/** Below one short path: the socket of containerd lies here, and such paths end at 107 bytes. */
export const clustersFolder = '/var/lib/vitrine-clusters';

export type ClusterRecord = {
  readonly name: string;
  /** The third number of the addresses of its nodes, which no other cluster has. */
  readonly subnet: number;
  /** The process that holds the namespaces of each node. */
  readonly nodes: Readonly<Record<string, ProcessIdentity>>;
};

/** Where a cluster has everything it writes. */
export function clusterFolder(name: string): string {
  if (!/^[a-z][a-z0-9]{0,11}$/.test(name))
    throw new StackFailure(
      `Cannot name a cluster ${JSON.stringify(name)}: a name is up to 12 small letters and digits and starts with a letter; choose another with --name.`,
    );
  return join(clustersFolder, name);
}

/** Undefined where there is no such cluster. */
export async function readRecord(name: string): Promise<ClusterRecord | undefined> {
  const text = await ifThere(readFile(join(clusterFolder(name), 'cluster.json'), 'utf8'));
  return text === undefined ? undefined : (JSON.parse(text) as ClusterRecord);
}

export async function writeRecord(record: ClusterRecord): Promise<void> {
  const folder = clusterFolder(record.name);
  await makeFolder(folder);
  await writeFile(join(folder, 'cluster.json'), `${JSON.stringify(record, undefined, 2)}\n`);
}

export async function clusterNames(): Promise<string[]> {
  return (await ifThere(readdir(clustersFolder)))?.filter((name) => !name.includes('.')) ?? [];
}

/** The interface of this machine that leads to a cluster. */
export function hostInterface(name: string): string {
  return `vc${name}`;
}

/**
 * The cgroup of all containers of a cluster, or of one of its nodes: a kubelet ends what it does not
 * know in its own.
 */
export function cgroupOf(name: string, node?: string): string {
  return join(`vitrine-cluster-${name}`, node ?? '');
}

export function hostAddress({ subnet }: Pick<ClusterRecord, 'subnet'>): string {
  return `10.98.${subnet}.1`;
}

/** Nodes are counted from 1. */
export function nodeAddress({ subnet }: Pick<ClusterRecord, 'subnet'>, node: number): string {
  return `10.98.${subnet}.${node + 1}`;
}

export function podSubnet(node: number): string {
  return `10.244.${node}.0/24`;
}

export const podSubnets = '10.244.0.0/16';
export const serviceSubnet = '10.96.0.0/16';
export const dnsAddress = '10.96.0.10';
export const apiPort = 6443;
export const metricsPort = 4443;
