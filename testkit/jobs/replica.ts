import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { bareEnvironment } from '../bare-environment.ts';

export type Replica = AsyncDisposable & {
  readonly pid: number;
  kill(signal: NodeJS.Signals): Promise<void>;
  signal(signal: NodeJS.Signals): void;
};

/** A process that works on jobs, by these settings, and serves nobody; `from` another checkout. */
export async function startReplica(
  env: Record<string, string>,
  { from = join(import.meta.dirname, '../..') }: { from?: string } = {},
): Promise<Replica> {
  const program = join(from, 'testkit/jobs/replica-program.ts');
  const child = spawn(process.execPath, [program], {
    env: { ...bareEnvironment, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  await Promise.race([once(child.stdout, 'data'), exited]);
  if (hasEnded()) throw new Error(`The replica ended with ${child.exitCode ?? child.signalCode}`);
  child.stdout.resume();
  const kill = async (signal: NodeJS.Signals) => {
    if (hasEnded()) return;
    child.kill(signal);
    await exited;
  };
  return {
    pid: child.pid ?? -1,
    kill,
    signal: (signal) => void child.kill(signal),
    [Symbol.asyncDispose]: () => kill('SIGKILL'),
  };
}
