import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { compileFailingDisk, FailingDisk } from './failing-disk.ts';

export type WrongRun = { run: string; at: string; failed: number; trouble: string };
/**
 * `calls` of the scripted runs on a disk that works, `runs` in which something failed, `of` so many,
 * and how many calls did.
 */
export type Outcome = { calls: number; runs: number; of: number; failed: number; skipped: number; wrong: WrongRun[] };
type Counts = Omit<Outcome, 'wrong'>;

/**
 * Fails the file operations of all scenarios, in a few processes side by side, since most of the
 * time is waiting.
 */
export async function failEverything(options: {
  seed: number;
  workers: number;
  msMax?: number;
  scenarios?: readonly string[];
  /** One run alone, by its name. */
  only?: string;
  onWrong?: (wrong: WrongRun) => void;
  onRun?: (outcome: Outcome) => void;
  /** Ends it after the runs that are under way. */
  signal?: AbortSignal;
}): Promise<Outcome | { unavailable: string }> {
  const shim = await compileFailingDisk();
  if ('unavailable' in shim) return shim;
  await using made = shim;
  const outcome: Outcome = { calls: 0, runs: 0, of: 0, failed: 0, skipped: 0, wrong: [] };
  const parts: Counts[] = [];
  const total = (of: keyof Counts) => parts.reduce((sum, counts) => sum + (counts?.[of] ?? 0), 0);
  await Promise.all(
    Array.from({ length: options.workers }, async (_, part) => {
      const control = join(made.folder, `control-${part}`);
      using _disk = FailingDisk.create(control);
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, 'run-scenarios.ts'),
          ...['--seed', String(options.seed), '--part', String(part), '--parts', String(options.workers)],
          ...(options.msMax === undefined ? [] : ['--msMax', String(options.msMax)]),
          ...(options.only === undefined ? [] : ['--only', options.only]),
          ...(options.scenarios ?? []).flatMap((name) => ['--scenario', name]),
        ],
        {
          env: { ...process.env, LD_PRELOAD: made.library, VITRINE_FAILING_DISK: control },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      );
      let stderr = '';
      child.stderr.on('data', (text) => {
        stderr += text;
      });
      options.signal?.addEventListener('abort', () => child.kill('SIGTERM'));
      createInterface({ input: child.stdout }).on('line', (line) => {
        const read = JSON.parse(line) as WrongRun | Counts;
        if ('run' in read) {
          outcome.wrong.push(read);
          options.onWrong?.(read);
          return;
        }
        parts[part] = read;
        outcome.calls = Math.max(outcome.calls, read.calls);
        for (const count of ['runs', 'of', 'failed', 'skipped'] as const) outcome[count] = total(count);
        options.onRun?.(outcome);
      });
      const [code] = (await once(child, 'close')) as [number | null];
      if (code !== 0 || !parts[part]) throw new Error(`The scenarios ended with ${code}: ${stderr.slice(-2_000)}`);
    }),
  );
  return outcome;
}
