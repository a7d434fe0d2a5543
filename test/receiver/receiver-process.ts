import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { choosePort } from '../../launcher/free-port.ts';
import { bareEnvironment } from '../../testkit/bare-environment.ts';
import { waitFor } from '../../testkit/wait-for.ts';

export type ReceiverProcess = AsyncDisposable & {
  url: string;
  port: number;
  said: () => string;
  hasEnded: () => boolean;
  post: (path: string, body: string | object, headers?: Record<string, string>) => Promise<Answer>;
  firing: () => Promise<{ name: string; labels: Record<string, string> }[]>;
  kill: (signal: NodeJS.Signals) => Promise<void>;
};
export type Answer = { status: number; json: Record<string, unknown> };

/** The real receiver in a process of its own. Its data folder and its Collector are the test's. */
export async function startReceiver(env: Record<string, string>): Promise<ReceiverProcess> {
  const port = await choosePort('127.0.0.1');
  const program = runReceiver({ ...env, VITRINE_RECEIVER_PORT: String(port) });
  const url = `http://127.0.0.1:${port}`;
  const hasEnded = () => program.child.exitCode !== null || program.child.signalCode !== null;
  const kill = async (signal: NodeJS.Signals) => {
    program.child.kill(signal);
    await program.exited;
  };
  try {
    await waitFor(
      `the receiver at ${url}`,
      async () => {
        if (program.child.exitCode !== null) throw new Error(`the receiver ended: ${program.said()}`);
        return (await fetch(`${url}/ready`)).ok;
      },
      { deadlineMs: 120_000 },
    );
  } catch (error) {
    await kill('SIGKILL');
    throw new Error(`The receiver did not start: ${program.said()}`, { cause: error });
  }
  return {
    url,
    port,
    said: program.said,
    hasEnded,
    post: async (path, body, headers = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const answer = await fetch(`${url}${path}`, { method: 'POST', body: text, headers });
      return { status: answer.status, json: (await answer.json()) as Record<string, unknown> };
    },
    firing: async () => ((await (await fetch(`${url}/alerts`)).json()) as { alerts: [] }).alerts,
    kill,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded()) await kill('SIGKILL');
    },
  };
}

/** The program as it is, for starts that are meant to fail. */
export function runReceiver(env: Record<string, string>) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/receiver.ts')], {
    env: { ...bareEnvironment, OTEL_METRIC_EXPORT_INTERVAL: '300', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout.on('data', (text) => (said += text));
  child.stderr.on('data', (text) => (said += text));
  return { child, said: () => said, exited: once(child, 'close').then(([code]) => code as number | null) };
}
