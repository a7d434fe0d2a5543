import { rm, rmdir } from 'node:fs/promises';
import { takeLock } from '../process-lock.ts';
import { runCommand } from '../run-command.ts';
import { StackFailure } from '../stack-failure.ts';
import { cgroupOf, clusterFolder, clusterNames, clustersFolder, hostInterface, readRecord } from './cluster-place.ts';
import { endNode, removeCgroup, removeCovered } from './node-namespaces.ts';

/**
 * Ends a cluster, also one whose start was killed, and removes all it wrote; false where there was
 * none. `locked`: the caller has its lock.
 */
export async function clusterDown(name: string, { locked = false } = {}): Promise<boolean> {
  const folder = clusterFolder(name);
  const lock = locked ? undefined : await takeLock(`${folder}.lock`);
  if (lock !== undefined && 'owner' in lock)
    throw new StackFailure(
      `Cannot stop the cluster ${name}: process ${lock.owner.pid} starts it or stops it; wait for that.`,
    );
  try {
    const record = await readRecord(name);
    for (const identity of Object.values(record?.nodes ?? {}).toReversed()) await endNode(identity);
    // The interface goes with the network at its other end; one whose start was killed has none.
    for (const end of [hostInterface(name), `${hostInterface(name)}x`])
      await runCommand('ip', ['link', 'delete', end]).catch(() => undefined);
    await removeCgroup(cgroupOf(name));
    await rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
    if ((await clusterNames()).length === 0) await removeCovered();
    return record !== undefined;
  } finally {
    await lock?.release();
    await removeClustersFolder();
  }
}

/** Where there is no other cluster. */
export async function removeClustersFolder(): Promise<void> {
  await rmdir(clustersFolder).catch(() => undefined);
}
