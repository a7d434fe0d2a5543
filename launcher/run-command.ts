import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { sendSignal } from './process-identity.ts';

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
  readonly onLine?: ((line: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** Ends each command that runs when this process ends, by one listener for all of them. */
const endings = new Set<() => void>();
process.once('exit', () => {
  for (const end of endings) end();
});

/** Runs a command and answers its standard output; `CommandFailed` has all that it printed. */
export async function runCommand(
  program: string,
  parameters: readonly string[],
  { env = process.env, folder, onLine, signal }: CommandOptions = {},
): Promise<string> {
  signal?.throwIfAborted();
  // In a group of its own, so that an abort also ends what the command started.
  const child = spawn(program, parameters, { env, cwd: folder, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const abort = () => {
    if (child.pid !== undefined) sendSignal(-child.pid, 'SIGKILL');
  };
  signal?.addEventListener('abort', abort);
  endings.add(abort);
  try {
    let output = '';
    let stdout = '';
    const listen = (text: string) => {
      output += text;
    };
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      listen(text);
    });
    child.stderr.setEncoding('utf8').on('data', listen);
    if (onLine !== undefined)
      for (const stream of [child.stdout, child.stderr])
        createInterface({ input: stream }).on('line', (line) => line.trim() !== '' && onLine(line));
    const code = await new Promise<number | null>((done, failed) => child.once('error', failed).once('close', done));
    signal?.throwIfAborted();
    if (code !== 0) throw new CommandFailed(`${program} ${parameters.slice(0, 3).join(' ')}`, output);
    return stdout;
  } finally {
    signal?.removeEventListener('abort', abort);
    endings.delete(abort);
  }
}
