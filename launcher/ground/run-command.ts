import { spawn } from 'node:child_process';

export class CommandFailed extends Error {
  readonly output: string;

  constructor(command: string, output: string) {
    super(`${command} failed: ${output.trim().split('\n').slice(-5).join('\n')}`);
    this.output = output;
  }
}

export type CommandOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly folder?: string;
  /** Each line that the command prints, as it comes. */
  readonly onLine?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
};

/** Runs a command and answers its standard output; `CommandFailed` has all that it printed. */
export async function runCommand(
  program: string,
  parameters: readonly string[],
  { env = process.env, folder, onLine, signal }: CommandOptions = {},
): Promise<string> {
  signal?.throwIfAborted();
  const child = spawn(program, parameters, {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(folder === undefined ? {} : { cwd: folder }),
    ...(signal === undefined ? {} : { signal, killSignal: 'SIGKILL' as const }),
  });
  let output = '';
  let stdout = '';
  const listen = (text: string) => {
    output += text;
    if (onLine !== undefined) for (const line of text.split('\n')) if (line.trim() !== '') onLine(line);
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    listen(text);
  });
  child.stderr.setEncoding('utf8').on('data', listen);
  const ended = new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done));
  const code = await ended.catch((error: unknown) => {
    signal?.throwIfAborted();
    throw error;
  });
  signal?.throwIfAborted();
  if (code !== 0) throw new CommandFailed(`${program} ${parameters.slice(0, 3).join(' ')}`, output);
  return stdout;
}
