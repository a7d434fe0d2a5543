import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export type Shot = { headers: Record<string, string>; body: Uint8Array };
export type Load = { requests: number; requestsPerSecond: number; p50Ms: number; p99Ms: number; failed: number };

/**
 * Loads a URL of this machine with wrk, one thread, for so many seconds; `delayMs`: the pause of
 * each connection after each answer, on average: wrk counts whole milliseconds.
 */
export async function load(
  url: string,
  shot: Shot,
  options: { connections: number; seconds: number; delayMs?: number },
): Promise<Load> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-bench-'));
  try {
    const script = join(folder, 'post.lua');
    const body = join(folder, 'body');
    await writeFile(body, shot.body);
    await writeFile(script, lua(new URL(url), shot.headers, body, options.delayMs));
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
      requests: Number(/(\d+) requests in/.exec(stdout)?.[1] ?? 0),
      requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
      p50Ms: milliseconds(/50%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
      p99Ms: milliseconds(/99%\s+([\d.]+\w+)/.exec(stdout)?.[1]),
      failed: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The request is written here, with its headers in one order: wrk's own order is another each time
 * it starts, and V8, for which that is another kind of object, recompiles the code that reads it.
 */
function lua(url: URL, headers: Shot['headers'], bodyFile: string, delayMs: number | undefined): string {
  const lines = [
    `POST ${url.pathname}${url.search} HTTP/1.1`,
    `Host: ${url.host}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return [
    `local body = io.open("${bodyFile}", "rb"):read("*a")`,
    `local request = ${lines.map((line) => `"${line}\\r\\n"`).join(' .. ')} .. "Content-Length: " .. #body .. "\\r\\n\\r\\n" .. body`,
    'function init() wrk.format = function() return request end end',
    ...(delayMs === undefined
      ? []
      : [`function delay() return ${Math.floor(delayMs)} + (math.random() < ${delayMs % 1} and 1 or 0) end`]),
  ].join('\n');
}

function milliseconds(text = 'NaNms'): number {
  const [, number = 'NaN', unit = 'ms'] = /^([\d.]+|NaN)(\w+)$/.exec(text) ?? [];
  return Number(number) * ({ us: 0.001, ms: 1, s: 1000 }[unit] ?? Number.NaN);
}
