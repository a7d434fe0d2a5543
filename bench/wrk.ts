import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Shot = { headers: Record<string, string>; body: Uint8Array };
export type Load = { requestsPerSecond: number; p50Ms: number; p99Ms: number; failed: number };

/** Loads a URL of this machine with wrk, one thread, for so many seconds. */
export async function load(url: string, shot: Shot, options: { connections: number; seconds: number }): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
  try {
    const script = join(folder, 'post.lua');
    await writeFile(script, lua(shot));
    const { stdout } = await run('wrk', [
      '-t1',
      `-c${options.connections}`,
      `-d${options.seconds}s`,
      '--latency',
      '-s',
      script,
      url,
    ]);
    return {
      requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
      p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
      p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
      failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function lua({ headers, body }: Shot): string {
  const bytes = Array.from(body, (byte) => `\\${String(byte).padStart(3, '0')}`).join('');
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  return ['wrk.method = "POST"', ...lines, `wrk.body = "${bytes}"`].join('\n');
}

function milliseconds(text = 'NaNms'): number {
  const [, number = 'NaN', unit = 'ms'] = /^([\d.]+|NaN)(\w+)$/.exec(text) ?? [];
  return Number(number) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN);
}
