import type { Command } from 'commander';
import { fault } from './commands/fault.ts';
import { images } from './commands/images.ts';
import { test } from './commands/test.ts';

/** What a command does; it answers its exit code. */
export type Act<Options> = (options: Options) => Promise<number>;

/** Commands that a package does not have: what they run is in a checkout alone. */
export function addCheckoutCommands(
  command: (signature: string, description: string) => Command,
  run: <Options>(act: Act<Options>) => (options: Options) => Promise<void>,
): void {
  command('fault [name]', 'a drill: cause a real fault on a stack of its own, and see which alerts come and go')
    .option('--list', 'what there is to cause')
    .option('--hold', 'go on until Ctrl-C, three minutes at most')
    .action((name: string | undefined, options: { list?: boolean; hold?: boolean }) =>
      run(fault)({ ...options, name }),
    );
  command(
    'images',
    'build the container images of compose.yaml; without a registry, out of what is here (needs root and Linux)',
  )
    .option('--load', 'into the Docker engine that `docker` talks to')
    .option('--out <folder>', 'copy the archives there; `docker load --input` reads them')
    .action(run(images));
  command('test [files...]', 'all tests on the real servers, or those of some files')
    .option('--quick', 'only those that start no process')
    .option('--ground', 'those that run images, containers and a cluster for real; needs root and Linux')
    .option('--record', 'write how long each file took to testkit/suite/durations.json, which orders the next runs')
    .action((files: string[], options: { quick?: boolean; ground?: boolean; record?: boolean }) =>
      run(test)({ ...options, files }),
    );
}
