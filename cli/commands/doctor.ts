import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../launcher/cache-folder.ts';
import { component, defaultComponents, portsOf } from '../../launcher/components.ts';
import { isFree } from '../../launcher/free-port.ts';
import { goVersion } from '../../launcher/go-command.ts';
import { findPortHolder } from '../../launcher/port-holder.ts';
import { findProbe, sendProbe } from '../../launcher/probe.ts';
import { seconds } from '../../launcher/progress.ts';
import { runningStore } from '../../launcher/running-store.ts';
import { serverFolder } from '../../launcher/servers/ensure-server.ts';
import { readSource, sayOf } from '../../launcher/servers/server-source.ts';
import { type Server, servers } from '../../launcher/servers.ts';
import { standInFor } from '../../launcher/stand-in.ts';
import { findingsOf, readBooks } from '../../launcher/telemetry-books.ts';
import { type StackTls, stackTls, wayTo } from '../../launcher/ways.ts';
import { type Config, readConfig, settings } from '../../src/config.ts';
import { makeFolder } from '../../src/make-folder.ts';
import { type Signal, store, storeNames } from '../../src/stores/stores.ts';
import { examineProvider, examineUse } from '../cuda-findings.ts';
import { readStatus, type StackStatus } from './status.ts';

type Finding = { good: boolean; text: string };

const root = resolve(import.meta.dirname, '../..');
const probeDeadlineMs = 30_000;
/** What a build of all servers takes, with modules and compile cache. */
const buildBytes = 8e9;
const runBytes = 1e9;

/**
 * Examines everything that a stack needs; when one runs, sends a probe through it. Answers 0 when
 * all is good.
 */
export async function doctor(): Promise<number> {
  const config = readConfig();
  const data = resolve(root, config.data);
  const findings: Finding[] = [];
  const show = (finding: Finding) => {
    findings.push(finding);
    process.stdout.write(`${finding.good ? 'good' : 'BAD '}  ${finding.text}\n`);
  };

  show({ good: true, text: `Node ${process.versions.node} at ${process.execPath}` });
  const built = await Promise.all(Object.values(servers).map(async (server) => existsSync(await serverFolder(server))));
  show(await examineGo(built.every((one) => one)));
  for (const server of Object.values(servers)) show(await examineServer(server));
  show(await examineDisk(data, runBytes, 'VITRINE_DATA'));
  show(await examineDisk(cacheFolder(), built.every((one) => one) ? 0 : buildBytes, 'VITRINE_CACHE'));
  show(await examineProvider());
  const status = await readStatus(data);
  if (status.launcher?.running === true) {
    for (const one of status.components) show(examineComponent(one, config));
    for (const finding of await examineUse(wayTo('servicePort', portOfService(status, config), tlsOf(status, config))))
      show(finding);
    for await (const finding of examineFlow(status, tlsOf(status, config))) show(finding);
    for (const finding of await examineBooks(status, data, config)) show(finding);
  } else {
    for await (const finding of examinePorts(config)) show(finding);
    show({
      good: true,
      text: 'No stack runs with this data folder, so no probe was sent; run `vitrine doctor` again after `vitrine up`',
    });
  }
  const bad = findings.filter(({ good }) => !good).length;
  process.stdout.write(bad === 0 ? 'All is good.\n' : `${bad} of ${findings.length} findings are bad.\n`);
  return bad === 0 ? 0 : 1;
}

function portOfService({ components }: StackStatus, config: Config): number {
  return components.find(({ name }) => name === 'service')?.port ?? config.servicePort;
}

/** As the launcher that runs has it. */
function tlsOf({ tls }: StackStatus, config: Config): StackTls {
  return tls ?? stackTls(config, process.env);
}

async function examineGo(allBuilt: boolean): Promise<Finding> {
  // Loki's module asks for the newest Go of all.
  const context = {
    title: 'the servers',
    module: join(root, servers.loki.folder),
    env: process.env,
    signal: undefined,
  };
  const version = await goVersion(context);
  if (version !== undefined) return { good: true, text: `Go ${version}` };
  return allBuilt
    ? { good: true, text: 'There is no Go; none is needed, all servers are here' }
    : {
        good: false,
        text: 'There is no Go, and servers are not here yet: what cannot be downloaded cannot be built; install Go from https://go.dev/dl',
      };
}

async function examineServer(server: Server): Promise<Finding> {
  const folder = await serverFolder(server);
  if (!existsSync(folder))
    return { good: true, text: `${server.title} is not here yet; the first start that needs it gets it` };
  try {
    const program = join(folder, server.binaries[0] ?? '');
    const { stdout, stderr } = await promisify(execFile)(program, [...server.versionArguments], { timeout: 20_000 });
    return {
      good: true,
      text: `${server.title} runs, at ${folder} (${firstLine(stdout || stderr)}), ${sayOf(await readSource(folder))}`,
    };
  } catch (error) {
    return {
      good: false,
      text: `${server.title} cannot be run: ${firstLine((error as Error).message)}; remove ${folder} and start again`,
    };
  }
}

async function examineDisk(folder: string, wantedBytes: number, setting: string): Promise<Finding> {
  await makeFolder(folder);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const text = `${(free / 1e9).toFixed(1)} GB are free for ${setting}, ${folder}`;
  return free >= wantedBytes
    ? { good: true, text }
    : { good: false, text: `${text}; ${wantedBytes / 1e9} GB are wanted` };
}

function examineComponent(
  { name, title, health, state, port, restarts, restartsAsked, detail }: StackStatus['components'][number],
  config: Config,
): Finding {
  const text = `${title} is ${state} on port ${port}${restarts === 0 ? '' : `, restarted ${restarts} times, ${restartsAsked} of them asked for`}`;
  return health === 'healthy'
    ? { good: true, text }
    : { good: false, text: `${text}, and does not answer. ${firstLine(detail)}${standInFor(name, config)}` };
}

async function* examinePorts(config: Config): AsyncGenerator<Finding> {
  for (const name of defaultComponents(config)) {
    for (const door of portsOf(name, config)) {
      const port = config[door];
      if (port === 0 || (await isFree(port, config.bind))) continue;
      const holder = await findPortHolder(port);
      yield {
        good: false,
        text: `Port ${port} for ${component(name).title} is taken by ${holder === undefined ? 'a hidden process' : `pid ${holder.pid}, ${holder.command}`}; set ${settings[door].env}`,
      };
    }
  }
}

/** One probe of each signal, in through the Collector, found in its store. */
async function* examineFlow({ components }: StackStatus, tls: StackTls): AsyncGenerator<Finding> {
  const collector = components.find(({ name }) => name === 'collector');
  if (collector === undefined)
    return yield { good: true, text: 'The Collector is not part of this stack, so no probe was sent' };
  const probe = await sendProbe(wayTo('otlpHttpPort', collector.port, tls)).catch((error: Error) => error);
  if (probe instanceof Error) return yield { good: false, text: `The Collector refused the probe: ${probe.message}` };

  for (const name of storeNames) {
    const found = components.find((one) => one.name === name);
    if (found === undefined) continue;
    const signal = { metrics: 'metric', traces: 'trace', logs: 'log' }[store(name).signal];
    const result = await findProbe(name, wayTo(store(name).port, found.port, tls), probe, probeDeadlineMs);
    yield 'foundAfterMs' in result
      ? { good: true, text: `The ${signal} of the probe is in ${found.title}, after ${seconds(result.foundAfterMs)}` }
      : {
          good: false,
          text: `The ${signal} of the probe is not in ${found.title} after ${seconds(probeDeadlineMs)}: ${result.failure}; read \`vitrine logs collector\` and \`vitrine logs ${name}\``,
        };
  }
}

/** Whether the ledger of each signal balances. */
async function examineBooks(status: StackStatus, data: string, config: Config): Promise<Finding[]> {
  const { components } = status;
  const running = (signal: Signal) =>
    runningStore(
      signal,
      config,
      components.map(({ name }) => name),
    );
  const name = running('metrics');
  const metrics = components.find((one) => one.name === name);
  if (metrics === undefined) return [];
  try {
    return (
      await readBooks(wayTo(store(name).port, metrics.port, tlsOf(status, config)), data, {
        metrics: name,
        traces: running('traces'),
        logs: running('logs'),
      })
    ).flatMap(findingsOf);
  } catch (error) {
    return [{ good: false, text: `The books of the telemetry cannot be read: ${firstLine((error as Error).message)}` }];
  }
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0]?.slice(0, 200) ?? '';
}
