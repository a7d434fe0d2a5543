import { setTimeout as pause } from 'node:timers/promises';
import type { ProcessIdentity } from '../process-identity.ts';
import { runCommand } from '../run-command.ts';
import { type ClusterRecord, hostAddress, hostInterface, nodeAddress, podSubnet } from './cluster-place.ts';
import { insideOf } from './node-namespaces.ts';
import { nodeName } from './node-plan.ts';

const bridgeMsMax = 30_000;

/** The machine reaches the first node by one interface; the others meet at the first. */
export async function connectNode(record: ClusterRecord, node: number, identity: ProcessIdentity): Promise<void> {
  const ip = (...parameters: string[]) => runCommand('ip', parameters);
  const inside = String(await insideOf(identity));
  const near = hostInterface(record.name);
  if (node === 1) {
    await ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', inside);
    await ip('address', 'add', `${hostAddress(record)}/24`, 'dev', near);
    await ip('link', 'set', near, 'up');
    return;
  }
  const first = await insideOf(record.nodes[nodeName(1)]!);
  const inFirst = (...parameters: string[]) =>
    runCommand('nsenter', [`--target=${first}`, '--net', 'ip', ...parameters]);
  const end = nodeName(node);
  await ip('link', 'add', `${near}x`, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', inside);
  await ip('link', 'set', `${near}x`, 'name', end, 'netns', String(first));
  await untilBridged(() => inFirst('link', 'set', end, 'master', 'nodes'));
  await inFirst('link', 'set', end, 'up');
  await inFirst('route', 'replace', podSubnet(node), 'via', nodeAddress(record, node));
}

/** The first node makes its bridge itself, as soon as it has its plan. */
async function untilBridged(join: () => Promise<unknown>): Promise<void> {
  const endsAt = performance.now() + bridgeMsMax;
  for (;;) {
    try {
      await join();
      return;
    } catch (error) {
      if (performance.now() > endsAt) throw error;
      await pause(50);
    }
  }
}
