import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandFailed, runCommand } from './run-command.ts';
import { goVersionMin } from './servers.ts';
import { StackFailure } from './stack-failure.ts';

export type GoContext = { title: string; module: string; env: NodeJS.ProcessEnv; signal: AbortSignal | undefined };

/** Runs `go` in a module's folder and answers what it printed. */
export function runGo(
  { module, env, signal }: GoContext,
  parameters: readonly string[],
  onLine?: (line: string) => void,
): Promise<string> {
  return runCommand('go', parameters, { folder: module, env, signal, onLine });
}

/**
 * Ends with a sentence when there is no Go, or one that is too old for the module and cannot fetch
 * a newer toolchain itself.
 */
export async function checkGo(context: GoContext): Promise<void> {
  const { title, module } = context;
  const asked = /^go (\S+)/m.exec(await readFile(join(module, 'go.mod'), 'utf8'))?.[1] ?? goVersionMin;
  const enough = isOlder(asked, goVersionMin) ? goVersionMin : asked; // For this module and all others: nobody updates twice.
  const found = await goVersion(context);
  if (found === undefined) {
    throw new StackFailure(
      `Cannot build ${title}: there is no go command on PATH; install Go ${enough} or newer from https://go.dev/dl and start again.`,
    );
  }
  if (isOlder(found, asked)) {
    throw new StackFailure(
      `Cannot build ${title}: Go is ${found}, and ${enough} is needed; install a newer Go from https://go.dev/dl, or let Go fetch it with GOTOOLCHAIN=auto.`,
    );
  }
}

/** The version of the Go that would build this module; undefined where there is none. */
export async function goVersion(context: GoContext): Promise<string | undefined> {
  try {
    // Asked inside the module: a Go that may switch toolchains switches here.
    return /go(\d+(?:\.\d+)*)/.exec(await runGo(context, ['version']))?.[1] ?? 'of an unknown version';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    // A Go that must not switch toolchains refuses every command in a module that asks for a newer one.
    const running = error instanceof CommandFailed ? /running go (\d+(?:\.\d+)*)/.exec(error.output)?.[1] : undefined;
    if (running !== undefined) return running;
    throw explainGoFailure(error, { ...context, cache: '' });
  }
}

function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('.').map(Number));
  for (const place of [0, 1, 2]) {
    const difference = (a?.[place] ?? 0) - (b?.[place] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

/** A build that failed may have printed a line for each package. */
const linesMax = 200;

/** The sentence for a failed go command: no disk, no network, or its own last lines. */
export function explainGoFailure(error: unknown, { title, env, cache }: GoContext & { cache: string }): unknown {
  const full = (error as NodeJS.ErrnoException).code === 'ENOSPC';
  if (!(error instanceof CommandFailed) && !full) return error;
  const output = error instanceof CommandFailed ? error.output : String(error);
  const line = (pattern: RegExp) =>
    output
      .split('\n')
      .find((text) => pattern.test(text))
      ?.trim();

  if (full || line(/no space left on device|disk quota exceeded/i)) {
    return diskFull(title, cache, error);
  }
  const network = line(
    /dial tcp|no such host|i\/o timeout|connection refused|network is unreachable|proxyconnect|TLS handshake|module lookup disabled|unexpected EOF|40[34] \w|50[0234] \w/i,
  );
  if (network) {
    return new StackFailure(
      `Cannot download the Go modules of ${title}: ${network}; connect to a Go module proxy (GOPROXY is ${env.GOPROXY || 'as go env says'}) and start again.`,
      { cause: error },
    );
  }
  return new StackFailure(
    `Cannot build ${title}: go ended with an error; read its last lines:\n${output.trim().split('\n').slice(-linesMax).join('\n')}`,
    {
      cause: error,
    },
  );
}

export function diskFull(title: string, cache: string, cause: unknown): StackFailure {
  return new StackFailure(
    `Cannot build ${title}: the disk is full; free about 5 GB, or choose other places with VITRINE_CACHE (now ${cache}), GOCACHE, GOMODCACHE and TMPDIR.`,
    { cause },
  );
}
