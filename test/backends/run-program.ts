import { spawn } from 'node:child_process';

/** Runs a program to its end; answers with its exit code and everything it said. */
export function runProgram(
  program: string,
  parameters: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { env: { PATH: process.env.PATH, ...env } });
    let said = '';
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
}
