import { existsSync } from 'node:fs';
import { Command } from 'commander';
import { componentNames } from '../launcher/components.ts';
import { StackFailure } from '../launcher/stack-failure.ts';
import { ServiceError } from '../src/errors.ts';
import { version } from '../src/version.ts';
import type { Act } from './checkout-commands.ts';
import type { CertificatesArguments } from './commands/certificates.ts';
import type { DatasetArguments } from './commands/dataset.ts';
import type { WhatIfOptions } from './commands/what-if.ts';
import type { WhyOptions } from './commands/why.ts';

// What `vitrine` can do. vitrine.mjs hands over to this file. A command answers its exit code.

const names = componentNames.join(', ');
/** Commands whose work matters more than what they print. */
const goesOnUnread = ['up', 'service', 'test', 'dataset', 'fault'];
const program = new Command('vitrine')
  .description('An inference server you can see through: the service and everything that watches it')
  .version(version)
  .showHelpAfterError();

command('up', 'start everything, in the foreground; Ctrl-C stops it')
  .option('--detach', 'return when everything is healthy; `vitrine down` stops it')
  .option('--only <names>', `start only these, with commas between: ${names}`)
  .action(run(async () => (await import('./commands/up.ts')).up));
command('down', 'stop everything').action(run(async () => (await import('./commands/down.ts')).down));
command('status', 'what runs, where, since when, and whether it answers; ends with 1 when something does not')
  .option('--json', 'for programs')
  .action(run(async () => (await import('./commands/status.ts')).status));
command(
  'summary',
  'the overview in the terminal: rates, percentiles, errors, queues, GPUs, telemetry, alerts; from Prometheus',
)
  .option('-w, --watch', 'again every two seconds, until Ctrl-C')
  .option('--json', 'for programs; with --watch one a line')
  .option('-m, --minutes <count>', 'over how long', '5')
  .option('--prometheus <url>', 'another Prometheus than the one of this stack')
  .action(run(async () => (await import('./commands/summary.ts')).summary));
question('why [id]', 'why a request was slow or failed, by its request id or trace id; without one, the slowest')
  .option('--model <name>', 'without an id: the slowest of this model')
  .option('--failed', 'without an id: the last one that failed')
  .option('-m, --minutes <count>', 'without an id: of how many minutes', '15')
  .action((id: string | undefined, options: Omit<WhyOptions, 'id'>) =>
    run(async () => (await import('./commands/why.ts')).why)({ ...options, id }),
  );
question('blame', 'who made whom wait for lanes, by tenant or by model')
  .option('--by <what>', 'tenant or model', 'tenant')
  .option('-m, --minutes <count>', 'of how many minutes', '15')
  .action(run(async () => (await import('./commands/blame.ts')).blame));
question('compare', 'what parts slow requests from the rest, failed from good ones, or one tenant’s from others’')
  .option('--slowest <percent>', 'the slowest so many percent against the rest', '5')
  .option('--failed', 'those that failed against those that did not')
  .option('--tenant <name>', 'those of a tenant against the others')
  .option('--since <time>', 'those since a time, such as a deployment, against those before')
  .option('--model <name>', 'only requests of this model')
  .option('-m, --minutes <count>', 'of how many minutes', '60')
  .action(run(async () => (await import('./commands/compare.ts')).compare));
question('what-if <model>', 'replay recorded requests with other settings of their model, beside what was')
  .option('-m, --minutes <count>', 'of how many minutes', '60')
  .option('--lanes <count>', 'other lanes')
  .option('--rows <count>', 'other rows in a batch (rows_max)')
  .option('--delay-us <count>', 'another wait for company (delay_us_max)')
  .option('--queue <count>', 'another limit of requests that wait (inputs_max)')
  .option('--replicas <count>', 'so many services')
  .option('--without-tenant <name>', 'without the requests of a tenant')
  .option('--load <times>', 'so many times the arrivals')
  .action((model: string, options: Omit<WhatIfOptions, 'model'>) =>
    run(async () => (await import('./commands/what-if.ts')).whatIf)({ ...options, model }),
  );
question(
  'audit',
  'compare what was made, taken, stored, done and charged; 1: holes, 2: cannot be asked (docs/audit.md)',
)
  .option('--from <time>', 'a time such as 2026-11-30T09:00:00Z, or so long ago: 90m, 2h, 1d', '1h')
  .option('--to <time>', 'the same, or now', 'now')
  .action(run(async () => (await import('./commands/audit.ts')).audit));
ofService(
  'mcp',
  'tools for assistants over stdin and stdout, which ask the running service (docs/assistants.md)',
).action(run(async () => (await import('./commands/mcp.ts')).mcp));
command('logs [name]', 'the console lines of all servers, or of one')
  .option('-f, --follow', 'go on with new lines')
  .option('-n, --lines <count>', 'how many lines to begin with', '50')
  .action((name: string | undefined, options: { follow?: boolean; lines: string }) =>
    run(async () => (await import('./commands/logs.ts')).logs)({ ...options, name }),
  );
command('restart [name]', 'stop and start everything, or one').action((name?: string) =>
  run(async () => (await import('./commands/restart.ts')).restart)({ name }),
);
command('clean', 'remove what was written at run time: VITRINE_DATA')
  .option('--cache', 'and the built servers, which all clones share')
  .option('--yes', 'without asking')
  .action(run(async () => (await import('./commands/clean.ts')).clean));
command('doctor', 'examine tools, disk, ports and versions, and send a probe of each signal through the stack').action(
  run(async () => (await import('./commands/doctor.ts')).doctor),
);
command('manifest-schema', 'the JSON Schema of models/<name>/model.json').action(
  run(async () => (await import('./commands/manifest-schema.ts')).printManifestSchema),
);
command(
  'alertmanager-config',
  'Alertmanager’s file with Slack, e-mail and PagerDuty as VITRINE_ALERT_* says, for compose (VITRINE_ALERTMANAGER_FILE)',
).action(run(async () => (await import('./commands/alertmanager-config.ts')).printAlertmanagerConfig));
command('new-key <name>', 'make an API key for a tenant; it is shown once (docs/api-keys.md)')
  .option('--file <path>', 'add it to this file, as VITRINE_API_KEYS_FILE names it; without, the entry is printed')
  .action((name: string, options: { file?: string }) =>
    run(async () => (await import('./commands/new-key.ts')).newKey)({ ...options, name }),
  );
command(
  'certificates <folder>',
  'a private authority and certificates for every endpoint; replaces what ends soon (docs/tls.md)',
)
  .option('--days <count>', 'how long they are valid', '398')
  .option('--host <name>', 'a name or address that callers use; may be given several times', collected, [])
  .option('--namespace <name>', 'the namespace in Kubernetes', 'vitrine')
  .action((folder: string, options: Omit<CertificatesArguments, 'folder'>) =>
    run(async () => (await import('./commands/certificates.ts')).certificates)({ ...options, folder }),
  );
command('archives <folder>', 'write the servers of this machine as archives, for a mirror (docs/servers.md)')
  .option('--only <names>', 'only these servers, with commas between')
  .action((folder: string, options: { only?: string }) =>
    run(async () => (await import('./commands/archives.ts')).archives)({ ...options, folder }),
  );
command('cuda', 'ONNX Runtime’s CUDA provider for NVIDIA GPUs, and what is missing to use it (docs/cuda.md)')
  .option('--libraries', 'NVIDIA’s CUDA and cuDNN too, from PyPI, under NVIDIA’s licence')
  .option('--check', 'only say what is missing')
  .option('--into <folder>', 'another onnxruntime-node than the one of this Vitrine')
  .action(run(async () => (await import('./commands/cuda.ts')).cuda));
command('service', 'only the service, without the stack').action(async () => {
  await import('../src/main.ts');
});
for (const operation of ['score', 'enhance'] as const) datasetCommand(operation);
// A package has neither the tests nor the files of containers and clusters.
if (existsSync(new URL('./checkout-commands.ts', import.meta.url))) {
  const { addCheckoutCommands } = await import('./checkout-commands.ts');
  addCheckoutCommands(command, run);
}

// `vitrine status | head -1`: the reader has enough, so the command ends. `up` has a stack to watch
// and goes on.
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!goesOnUnread.includes(process.argv[2] ?? '')) process.exit();
  });

// vitrine.mjs is gone without a word: what it was asked to run stops as if asked to.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
process.channel?.unref(); // Waiting for that must not keep a finished command alive.
await program.parseAsync();

function collected(value: string, before: readonly string[]): string[] {
  return [...before, value];
}

function datasetCommand(operation: 'score' | 'enhance'): void {
  const all =
    program.commands.find((each) => each.name() === 'dataset') ?? command('dataset', 'work through a folder of sounds');
  const one = all
    .command(`${operation} <folder>`)
    .description(
      operation === 'score'
        ? 'measure every sound, rank them, and say which are excluded and why'
        : 'one stem of every sound: what is left of it without the rest',
    )
    .requiredOption('--name <name>', 'what metrics, spans and reports call the dataset')
    .option('--out <folder>', 'where results go; else datasets/<name> in VITRINE_DATA')
    .option('--workers <count>', 'files worked on at once; else as many as there are cores')
    .option('--json', 'for programs');
  if (operation === 'score')
    one
      .option('--references <folder>', 'the clean sounds, under the same paths')
      .option('--weights <list>', 'what the ranking goes by, as in dnsmos=2,clipping=1');
  else
    one
      .option('--model <name>', 'the separator', 'harmonic-percussive')
      .option('--stem <name>', 'which of its stems', 'harmonic');
  one.action((folder: string, options: Omit<DatasetArguments, 'operation' | 'folder'>) =>
    run(async () => (await import('./commands/dataset.ts')).dataset)({ ...options, operation, folder }),
  );
}

/** A command that asks the service and prints what it answers. */
function question(signature: string, description: string): Command {
  return ofService(signature, description).option('--json', 'for programs');
}

/** A command that asks the service. */
function ofService(signature: string, description: string): Command {
  return command(signature, description)
    .option('--url <url>', 'another service than the one of this stack')
    .option('--key-file <path>', 'a file with an API key; else VITRINE_ADMIN_TOKEN_FILE');
}

function command(signature: string, description: string): Command {
  return program.command(signature).description(description);
}

/** A command's code is loaded when it is asked for: that of all takes two seconds. */
function run<Options>(load: () => Promise<Act<Options>>): (options: Options) => Promise<void> {
  return async (options) => {
    try {
      const act = await load();
      process.exitCode = await act(options);
    } catch (error) {
      const foreseen = error instanceof StackFailure || error instanceof ServiceError;
      process.stderr.write(`${foreseen ? error.message : ((error as Error).stack ?? error)}\n`);
      process.exitCode = 1;
    }
  };
}
