import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { choosePort } from '../../stack/free-port.ts';
import type { ServiceProcess } from '../support/service-process.ts';
import { waitFor } from '../support/wait-for.ts';

/** A process of its own that exports GPU readings through the service's telemetry. */
export async function startExporting(env: Record<string, string>): Promise<ServiceProcess> {
  const port = String(await choosePort('127.0.0.1'));
  const child = spawn(process.execPath, [join(import.meta.dirname, 'exporting-program.ts')], {
    env: { PATH: process.env.PATH, OTEL_METRIC_EXPORT_INTERVAL: '1000', ...env, VITRINE_PORT: port },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitFor(`the process at ${url}`, async () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${said}`);
      return (await fetch(url)).ok;
    });
  } catch (error) {
    await kill('SIGKILL');
    throw new Error(`It did not start: ${said}`, { cause: error });
  }
  return {
    url,
    pid: child.pid ?? -1,
    said: () => said,
    kill,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await kill('SIGKILL');
    },
  };
}
