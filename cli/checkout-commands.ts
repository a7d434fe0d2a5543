import type { Command } from 'commander';
import type { ClusterArguments } from './commands/cluster.ts';

/** What a command does; it answers its exit code. */
export type Act<Options> = (options: Options) => Promise<number>;

type Begin = (signature: string, description: string) => Command;
type Run = <Options>(load: () => Promise<Act<Options>>) => (options: Options) => Promise<void>;

/** Commands that a package does not have: what they run is in a checkout alone. */
export function addCheckoutCommands(command: Begin, run: Run): void {
  addClusterCommands(command, run);
  command('chart', 'write the Helm chart of deploy/kubernetes/overlays/one-node')
    .option('--out <folder>', 'where to', 'vitrine-chart')
    .action(run(async () => (await import('./commands/chart.ts')).chart));
  command('fault [name]', 'a drill: cause a real fault on a stack of its own, and see which alerts come and go')
    .option('--list', 'what there is to cause')
    .option('--hold', 'go on until Ctrl-C, three minutes at most')
    .action((name: string | undefined, options: { list?: boolean; hold?: boolean }) =>
      run(async () => (await import('./commands/fault.ts')).fault)({ ...options, name }),
    );
  command(
    'images',
    'build the container images of compose.yaml; without a registry, out of what is here (needs root and Linux)',
  )
    .option('--load', 'into the Docker engine that `docker` talks to')
    .option('--out <folder>', 'copy the archives there; `docker load --input` reads them')
    .action(run(async () => (await import('./commands/images.ts')).images));
  command('test [files...]', 'all tests on the real servers, or those of some files')
    .option('--quick', 'only those that start no process')
    .option('--ground', 'those that run images, containers and a cluster for real; needs root and Linux')
    .option('--record', 'write how long each file took to testkit/suite/durations.json, which orders the next runs')
    .action((files: string[], options: { quick?: boolean; ground?: boolean; record?: boolean }) =>
      run(async () => (await import('./commands/test.ts')).test)({ ...options, files }),
    );
}

function addClusterCommands(command: Begin, run: Run): void {
  const all = command('cluster', 'Kubernetes on this machine, without a registry (needs root and Linux)');
  const name = ['--name <name>', 'several clusters have several names', 'vitrine'] as const;
  all
    .command('up')
    .description('start it, with the images of compose.yaml; docs/cluster.md')
    .option(...name)
    .option('--nodes <count>', 'how many nodes', '1')
    .option('--policies', 'enforce network policies')
    .option('--metrics', 'count processors and memory of pods, for autoscalers')
    .action((options: ClusterArguments) =>
      run(async () => (await import('./commands/cluster.ts')).clusterUpCommand)(options),
    );
  all
    .command('down')
    .description('end it, and remove all it has')
    .option(...name)
    .action((options: ClusterArguments) =>
      run(async () => (await import('./commands/cluster.ts')).clusterDownCommand)(options),
    );
}
