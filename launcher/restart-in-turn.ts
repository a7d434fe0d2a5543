import { setTimeout as pause } from 'node:timers/promises';
import { askPort, type Way } from './ask-port.ts';
import type { ProcessIdentity } from './process-identity.ts';
import { signalProcess } from './process-identity.ts';
import { StackFailure } from './stack-failure.ts';

type Standing = { process: number; state: string; started_at: string };

/** For each process: its models are loaded again. */
const processMsMax = 180_000;

/**
 * Restarts the processes of a service one after the other, so that no request fails; false where it
 * has one process only, which has to be stopped and started.
 */
export async function restartInTurn(way: Way, service: ProcessIdentity): Promise<boolean> {
  const before = await standings(way);
  if (before.length < 2) return false;
  if (!(await signalProcess(service, 'SIGHUP'))) return false;
  const endsAt = performance.now() + before.length * processMsMax;
  const isNew = ({ process, state, started_at: startedAt }: Standing) =>
    state === 'ready' && startedAt !== before.find((one) => one.process === process)?.started_at;
  while (performance.now() < endsAt) {
    const now = await standings(way);
    if (now.length === before.length && now.every(isNew)) return true;
    await pause(200);
  }
  throw new StackFailure(
    `Cannot restart the service: one of its ${before.length} processes was not ready again within ${processMsMax / 1000} s; the others serve on. Read \`vitrine logs service\`.`,
  );
}

/** Empty where it cannot be asked, or has one process. */
async function standings(way: Way): Promise<Standing[]> {
  try {
    const { text } = await askPort(way, '/health/detailed', { timeoutMs: 5_000 });
    return (JSON.parse(text) as { processes?: Standing[] }).processes ?? [];
  } catch {
    return [];
  }
}
