import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import type { Context } from 'mocha';
import { clusterDown } from '../../../launcher/cluster/cluster-down.ts';
import { clustersFolder, readRecord } from '../../../launcher/cluster/cluster-place.ts';
import { type Cluster, type ClusterOptions, clusterNeeds, clusterUp } from '../../../launcher/cluster/cluster-up.ts';
import { isRunning } from '../../../launcher/process-identity.ts';
import { ifThere } from '../../../src/if-there.ts';
import { availableOrSkip } from '../../../testkit/available-or-skip.ts';
import { unbuiltPrograms } from '../../../testkit/ground/unbuilt-programs.ts';

const testMinutes = 10;

/** A cluster of one's own, or the tests skipped with the reason why there is none. */
export async function clusterOrSkip(test: Context, options: Omit<ClusterOptions, 'name'> = {}): Promise<Cluster> {
  const { policies, metrics } = options;
  const [need] = await clusterNeeds(options);
  const unbuilt = await unbuiltPrograms(
    [
      ...(['kubernetes', 'etcd', 'coredns'] as const),
      ...(policies ? (['kubeRouter'] as const) : []),
      ...(metrics ? (['metricsServer'] as const) : []),
    ],
    testMinutes,
  );
  const unavailable = need ?? unbuilt;
  availableOrSkip(test, unavailable === undefined ? {} : { unavailable });
  await sweep();
  const name = `t${randomBytes(4).toString('hex')}`;
  return clusterUp({ ...options, name, endsWithCaller: true, onStep: (line) => console.log(`      ${line}`) });
}

/** What runs that were killed have left: their clusters ended with them, but not their files. */
async function sweep(): Promise<void> {
  const found = (await ifThere(readdir(clustersFolder))) ?? [];
  const names = new Set(found.flatMap((entry) => /^(t[0-9a-f]{8})(\.lock)?$/.exec(entry)?.[1] ?? []));
  for (const name of names) {
    const record = await readRecord(name);
    const running = await Promise.all(Object.values(record?.nodes ?? {}).map(isRunning));
    // One that starts or stops now has its lock, and is left to its owner.
    if (!running.includes(true)) await clusterDown(name).catch(() => undefined);
  }
}
