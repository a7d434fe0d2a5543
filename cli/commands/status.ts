import { resolve } from 'node:path';
import { answersWell } from '../../launcher/component-process.ts';
import { type ComponentName, component } from '../../launcher/components.ts';
import { isRunning } from '../../launcher/process-identity.ts';
import { seconds } from '../../launcher/progress.ts';
import { type ComponentRecord, readState } from '../../launcher/stack-state.ts';
import type { StackTls } from '../../launcher/ways.ts';
import { readConfig, settings } from '../../src/config.ts';

export type ComponentStatus = {
  name: ComponentName;
  title: string;
  state: string;
  detail: string;
  port: number;
  /** Environment name of each of its port settings, and the port. */
  ports: Record<string, number>;
  pid: number | null;
  uptimeMs: number | null;
  /** Asked of the component just now. */
  health: 'healthy' | 'unhealthy';
  restarts: number;
  /** Of these, those that somebody asked for. */
  restartsAsked: number;
};

export type StackStatus = {
  data: string;
  launcher: { pid: number; running: boolean } | null;
  components: ComponentStatus[];
  tls: StackTls | undefined;
};

/** Shows each component; answers 0 when all are healthy, 1 otherwise. */
export async function status({ json = false }: { json?: boolean }): Promise<number> {
  const found = await readStatus(resolve(import.meta.dirname, '../..', readConfig().data));
  if (json) process.stdout.write(`${JSON.stringify(found, null, 2)}\n`);
  else process.stdout.write(asTable(found));
  return found.components.length > 0 && found.components.every(({ health }) => health === 'healthy') ? 0 : 1;
}

export async function readStatus(data: string): Promise<StackStatus> {
  const state = readState(data);
  if (state === undefined) return { data, launcher: null, components: [], tls: undefined };
  const running = await isRunning(state.launcher);
  const components = await Promise.all(state.components.map((record) => examine(record, state.ports, running)));
  return { data, launcher: { pid: state.launcher.pid, running }, components, tls: state.tls };
}

async function examine(
  record: ComponentRecord,
  ports: Record<string, number>,
  watched: boolean,
): Promise<ComponentStatus> {
  const { name, identity } = record;
  const runs = identity !== undefined && (await isRunning(identity));
  // One that is 0 is closed.
  const own = component(name)
    .doors.map((door) => settings[door].env)
    .filter((env) => ports[env] !== 0);
  return {
    name,
    title: component(name).title,
    state: runs && !watched ? 'left over' : identity === undefined || runs ? record.state : 'gone',
    detail: record.detail,
    port: record.port,
    ports: Object.fromEntries(own.map((env) => [env, ports[env] ?? 0])),
    pid: runs ? identity.pid : null,
    uptimeMs: runs ? Date.now() - record.sinceMs : null,
    health: runs && (await answersWell({ url: record.healthUrl, trust: record.trust })) ? 'healthy' : 'unhealthy',
    restarts: record.restarts,
    restartsAsked: record.restartsAsked ?? 0, // A launcher of an older version does not write it.
  };
}

function asTable({ data, launcher, components }: StackStatus): string {
  if (launcher === null || components.length === 0)
    return `Nothing runs with the data folder ${data}; start with \`vitrine up\`.\n`;
  const rows = components.map((one) => [
    one.name,
    one.state,
    String(one.port),
    one.pid === null ? '' : String(one.pid),
    one.uptimeMs === null ? '' : seconds(one.uptimeMs),
    one.health,
    one.restartsAsked === 0 ? String(one.restarts) : `${one.restarts} (${one.restartsAsked} asked for)`,
    one.detail.split('\n')[0]?.slice(0, 100) ?? '',
  ]);
  const table = [['component', 'state', 'port', 'pid', 'uptime', 'health', 'restarts', ''], ...rows];
  const widths = (table[0] ?? []).map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const watcher = launcher.running
    ? `The launcher is pid ${launcher.pid}; data folder ${data}.`
    : `The launcher is gone; \`vitrine down\` or \`vitrine up\` ends what it left. Data folder ${data}.`;
  return `${lines.join('\n')}\n${watcher}\n`;
}
