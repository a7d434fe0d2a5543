import { clusterDown } from '../../launcher/cluster/cluster-down.ts';
import { clusterUp } from '../../launcher/cluster/cluster-up.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';

export type ClusterArguments = {
  readonly name: string;
  readonly nodes?: string;
  readonly policies?: boolean;
  readonly metrics?: boolean;
};

/** Starts a cluster on this machine, says each step, and leaves it running. */
export async function clusterUpCommand({ name, nodes = '1', policies, metrics }: ClusterArguments): Promise<number> {
  const count = Number(nodes);
  if (!Number.isInteger(count) || count < 1 || count > 8)
    throw new StackFailure(`Cannot start ${nodes} nodes: a cluster has 1 to 8; name a number with --nodes.`);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () =>
      stop.abort(new StackFailure('The start of the cluster was stopped; nothing of the cluster is left.')),
    );
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const cluster = await clusterUp({
    name,
    nodes: count,
    policies: policies === true,
    metrics: metrics === true,
    onStep: say,
    signal: stop.signal,
  });
  say('The cluster runs until `vitrine cluster down`. To use it:');
  say(`  export KUBECONFIG=${cluster.kubeconfig}`);
  say(`  ${cluster.kubectlPath} get pods --all-namespaces`);
  say('docs/cluster.md says how Vitrine is applied to it.');
  return 0;
}

/** Ends a cluster and all it has. */
export async function clusterDownCommand({ name }: ClusterArguments): Promise<number> {
  const was = await clusterDown(name);
  process.stdout.write(was ? `The cluster ${name} is gone, and all it had.\n` : `There is no cluster ${name}.\n`);
  return 0;
}
