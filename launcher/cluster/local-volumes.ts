import { execFileSync } from 'node:child_process';
import { existsSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { makeFolderNow } from '../../src/make-folder.ts';
import { ClusterApi } from './cluster-api.ts';
import { clusterFolder } from './cluster-place.ts';
import type { NodePlan } from './node-plan.ts';

export const provisioner = 'vitrine.local/volumes';

type Claim = {
  metadata: { name: string; namespace: string; uid: string; annotations?: Record<string, string> };
  spec: { volumeName?: string; storageClassName?: string; resources: { requests: { storage: string } } };
};
type Volume = { metadata: { name: string }; spec: { storageClassName?: string }; status?: { phase: string } };

const units: Readonly<Record<string, number>> = {
  '': 1,
  ...{ k: 1e3, M: 1e6, G: 1e9, T: 1e12 },
  ...{ Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 },
};

/**
 * Gives claims of this node volumes of the size they ask for: each is a file system in a sparse
 * file, so a volume that is full is full for its owner alone.
 */
export async function provisionVolumes(plan: NodePlan): Promise<never> {
  const api = await ClusterApi.open(clusterFolder(plan.cluster));
  const claims = follow<Claim>(api, '/api/v1/persistentvolumeclaims', (claim) => provide(api, plan, claim));
  const volumes = follow<Volume>(api, '/api/v1/persistentvolumes', (volume) => remove(api, plan, volume));
  await Promise.all([claims, volumes]);
  throw new Error('A watch ended.');
}

/** Each one there is and each change; the watch is begun again whenever it ends. */
async function follow<Item>(api: ClusterApi, path: string, act: (item: Item) => Promise<void>): Promise<never> {
  for (;;) {
    try {
      await api.watch(path, (event) => act(event.object as Item));
    } catch (error) {
      process.stderr.write(`${path}: ${(error as Error).message}\n`);
    }
    await pause(1_000);
  }
}

async function provide(api: ClusterApi, plan: NodePlan, { metadata, spec }: Claim): Promise<void> {
  const { annotations = {}, uid, name, namespace } = metadata;
  if (spec.volumeName || annotations['volume.kubernetes.io/selected-node'] !== plan.node) return;
  if (annotations['volume.kubernetes.io/storage-provisioner'] !== provisioner) return;
  const volume = `pvc-${uid}`;
  const path = mountVolume(plan, volume, bytesOf(spec.resources.requests.storage));
  await api.send('POST', '/api/v1/persistentvolumes', {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
    spec: {
      capacity: { storage: spec.resources.requests.storage },
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: spec.storageClassName,
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      local: { path },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: [plan.node] }] },
          ],
        },
      },
    },
  });
}

async function remove(api: ClusterApi, plan: NodePlan, { metadata, status }: Volume): Promise<void> {
  const path = join(plan.folder, 'volumes', metadata.name);
  if (status?.phase !== 'Released' || !existsSync(path)) return;
  execFileSync('umount', ['-l', path]);
  rmSync(path, { recursive: true });
  rmSync(`${path}.img`);
  await api.send('DELETE', `/api/v1/persistentvolumes/${metadata.name}`);
}

function mountVolume(plan: NodePlan, name: string, bytes: number): string {
  const path = join(plan.folder, 'volumes', name);
  if (existsSync(path)) return path;
  makeFolderNow(path);
  writeFileSync(`${path}.img`, '');
  truncateSync(`${path}.img`, bytes);
  // No journal and no reserve for root: nothing outlives the cluster, and the size is the owner's.
  execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', '-O', '^has_journal', `${path}.img`], {
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
  });
  execFileSync('mount', ['-o', 'loop', `${path}.img`, path]);
  rmSync(join(path, 'lost+found'), { recursive: true });
  return path;
}

export function bytesOf(quantity: string): number {
  const [, count = '', unit = ''] = /^(\d+)([kMGT]|[KMGT]i)?$/.exec(quantity) ?? [];
  if (count === '')
    throw new Error(
      `Cannot read the size of a claim: ${quantity} is no whole number of bytes, k, M, G, T, Ki, Mi, Gi or Ti; write it so.`,
    );
  return Number(count) * units[unit]!;
}
