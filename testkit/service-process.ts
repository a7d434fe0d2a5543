import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePort } from '../launcher/free-port.ts';
import { askJson } from './ask-json.ts';
import { bareEnvironment } from './bare-environment.ts';
import type { MemoryCgroup } from './memory-cgroup.ts';
import { waitFor } from './wait-for.ts';

export type ServiceProcess = AsyncDisposable & {
  url: string;
  pid: number;
  /** What it said on its console so far. */
  said: () => string;
  hasEnded: () => boolean;
  kill: (signal: NodeJS.Signals) => Promise<number | null>;
};

const ownCheckout = join(import.meta.dirname, '..');

/**
 * The real service as its own process, without the rest of the stack; `within` a cgroup, or `from`
 * another checkout. `ca`: the authority of its certificate, where it speaks TLS.
 */
export async function startService(
  env: Record<string, string>,
  {
    within,
    from = ownCheckout,
    deadlineMs = 120_000,
    ca,
  }: { within?: Pick<MemoryCgroup, 'enter'>; from?: string; deadlineMs?: number; ca?: Buffer | undefined } = {},
): Promise<ServiceProcess> {
  const port = env.VITRINE_PORT ?? String(await choosePort('127.0.0.1'));
  const line = [...(within?.enter ?? []), process.execPath, join(from, 'src/main.ts')];
  const child: ChildProcess = spawn(line[0] as string, line.slice(1), {
    // No models unless the test has some: loading the repository's takes longer than most tests.
    env: {
      ...bareEnvironment,
      OTEL_METRIC_EXPORT_INTERVAL: '1000',
      ...(env.VITRINE_MODELS === undefined && {
        VITRINE_MODELS: folderWithoutModels(),
        VITRINE_MODEL_CONTROL: 'explicit',
      }),
      ...env,
      VITRINE_PORT: port,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  child.stdout?.on('data', (text) => (said += text));
  child.stderr?.on('data', (text) => (said += text));
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  const url = `${ca ? 'https' : 'http'}://127.0.0.1:${port}`;
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const kill = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  try {
    // Loading the models of the repository on a machine that does much else may take a minute.
    const started = async () => child.exitCode !== null || (await stateOf(url, ca)) === 'ready';
    await waitFor(`the service at ${url}`, started, { deadlineMs });
    if (child.exitCode !== null) throw new Error('it ended');
  } catch (error) {
    await kill('SIGKILL');
    throw new Error(`The service did not start: ${said}`, { cause: error });
  }
  return {
    url,
    pid: child.pid ?? -1,
    said: () => said,
    hasEnded,
    kill,
    [Symbol.asyncDispose]: async () => {
      if (!hasEnded()) await kill('SIGKILL');
    },
  };
}

/** It has started, though it may not be ready: without models it serves nobody. */
async function stateOf(url: string, ca: Buffer | undefined): Promise<string> {
  return ((await askJson(`${url}/health/detailed`, { ...(ca && { ca }) })) as { state: string }).state;
}

let withoutModels: string | undefined;

function folderWithoutModels(): string {
  if (withoutModels !== undefined) return withoutModels;
  const folder = mkdtempSync(join(tmpdir(), 'vitrine-no-models-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  withoutModels = folder;
  return folder;
}
