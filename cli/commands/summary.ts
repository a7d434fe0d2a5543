import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { runningStore } from '../../launcher/running-store.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { readState } from '../../launcher/stack-state.ts';
import { callerTrust, stackTls, wayTo } from '../../launcher/ways.ts';
import { readConfig, settings } from '../../src/config.ts';
import { store } from '../../src/stores/stores.ts';
import { printSummary } from '../summary/print-summary.ts';
import { type MetricsStore, readSummary } from '../summary/read-summary.ts';

const everyMs = 2_000;

/**
 * Prints the overview from the store of metrics; with `watch` again and again until Ctrl-C, also
 * while the store is down.
 */
export async function summary(options: {
  json?: boolean;
  watch?: boolean;
  minutes: string;
  prometheus?: string;
}): Promise<number> {
  const minutes = readMinutes(options.minutes);
  const metrics = runningMetrics(options.prometheus);
  const render = async () => {
    const found = await readSummary(metrics, minutes);
    return options.json === true
      ? `${JSON.stringify(found, null, options.watch === true ? 0 : 2)}\n`
      : printSummary(found);
  };
  if (options.watch !== true) {
    process.stdout.write(await render());
    return 0;
  }
  const stopped = new AbortController();
  once(process, 'SIGINT').then(() => stopped.abort());
  once(process, 'SIGTERM').then(() => stopped.abort());
  // A terminal shows the newest alone; a file or a program gets one after the other.
  const clear = process.stdout.isTTY && options.json !== true ? '\u001b[H\u001b[2J' : '';
  while (!stopped.signal.aborted) {
    const text = await render().catch((error: unknown) => {
      if (error instanceof StackFailure) return `${error.message}\n`;
      throw error;
    });
    process.stdout.write(`${clear}${text}`);
    await pause(everyMs, undefined, { signal: stopped.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }
  return 0;
}

/** Where the stack of this data folder has its store of metrics, or where the settings say. */
function runningMetrics(url: string | undefined): MetricsStore {
  const config = readConfig();
  const {
    ports = {},
    components = [],
    tls = stackTls(config, process.env),
  } = readState(resolve(import.meta.dirname, '../..', config.data)) ?? {};
  const name = runningStore(
    'metrics',
    config,
    components.map((one) => one.name),
  ) as MetricsStore['name'];
  const { host, port } = store(name);
  const way = wayTo(port, ports[settings[port].env] ?? config[port], tls, config[host]);
  return { ...way, name, ...(url !== undefined && { url, trust: way.trust ?? callerTrust(config) }) };
}

function readMinutes(text: string): number {
  const minutes = Number(text);
  if (Number.isInteger(minutes) && minutes >= 1 && minutes <= 43_200) return minutes;
  throw new StackFailure(`Cannot read --minutes: it is "${text}"; give a whole number from 1 to 43200.`);
}
