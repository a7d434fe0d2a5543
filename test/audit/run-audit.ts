import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Audit } from '../../cli/audit/audit.ts';
import { auditedStores } from '../../cli/audit/audited-stores.ts';
import { readAudit } from '../../cli/audit/read-audit.ts';
import { waitFor } from '../../testkit/wait-for.ts';

export type RanAudit = { readonly code: number | null; readonly audit: Audit; readonly text: string };

/** The real command, against the stack of this environment. */
export async function runAudit(env: NodeJS.ProcessEnv, fromMs: number, toMs: number): Promise<RanAudit> {
  const moments = ['--from', new Date(fromMs).toISOString(), '--to', new Date(toMs).toISOString()];
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../cli/command-line.ts'), 'audit', '--json', ...moments],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, audit: (text === '' ? {} : JSON.parse(text)) as Audit, text };
}

/** The same, once nothing of that time can be under way any more. */
export async function runAuditWhenClosed(env: NodeJS.ProcessEnv, fromMs: number, toMs: number): Promise<RanAudit> {
  await waitFor('the time to be closed', async () => Date.parse((await auditHere(env, fromMs, toMs)).to) >= toMs, {
    deadlineMs: 120_000,
    everyMs: 1_000,
  });
  return runAudit(env, fromMs, toMs);
}

/** What the command finds, without the start of a process. */
export function auditHere(env: NodeJS.ProcessEnv, fromMs: number, toMs: number): Promise<Audit> {
  return readAudit({
    ...{ stores: auditedStores(env), fromMs, toMs, nowMs: Date.now() },
    askJob: async () => undefined,
  });
}
