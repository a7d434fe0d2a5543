import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Audit } from '../../cli/audit/audit.ts';

/** The real command, against the stack of this environment. */
export async function runAudit(
  env: NodeJS.ProcessEnv,
  from: number,
  to: number,
  ...more: string[]
): Promise<{ code: number | null; audit: Audit; text: string }> {
  const moments = ['--from', new Date(from).toISOString(), '--to', new Date(to).toISOString()];
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../cli/command-line.ts'), 'audit', '--json', ...moments, ...more],
    { env, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let text = '';
  child.stdout.on('data', (piece) => (text += piece));
  const [code] = (await once(child, 'exit')) as [number | null];
  return { code, audit: (text === '' ? {} : JSON.parse(text)) as Audit, text };
}
