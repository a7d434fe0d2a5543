import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ifThereNow } from '../src/if-there.ts';
import { makeFolderNow } from '../src/make-folder.ts';
import { type ComponentName, componentNames } from './components.ts';
import { patiently } from './patiently.ts';
import { isRunning, type ProcessIdentity, signalProcess } from './process-identity.ts';
import type { Stack } from './stack.ts';
import { StackFailure } from './stack-failure.ts';

// How another process asks the launcher for a restart: a file, and SIGUSR2 to say that it is there.
// No port, and only who may write the data folder may ask. The answer is a file beside it.

type Answer = { failed: string | undefined };

type Request = { name?: ComponentName | undefined; env: NodeJS.ProcessEnv };

/**
 * Asks the launcher to restart one component, or all of them, with `env` joining its settings, and
 * waits until that is done.
 */
export async function requestRestart(
  data: string,
  launcher: ProcessIdentity,
  { name, env }: Request,
  deadlineMs: number,
): Promise<void> {
  const folder = requestFolder(data);
  const path = join(folder, `${Date.now()}-${process.pid}`);
  await patiently(() => {
    makeFolderNow(folder);
    writeWhole(`${path}.request`, { name, env } satisfies Request);
  });
  await signalProcess(launcher, 'SIGUSR2');

  const endsAt = performance.now() + deadlineMs;
  try {
    while (performance.now() < endsAt) {
      const answer = (await patiently(() => readIfThere(`${path}.answer`))) as Answer | undefined;
      if (answer?.failed !== undefined) throw new StackFailure(answer.failed);
      if (answer !== undefined) return;
      if (!(await isRunning(launcher)))
        throw new StackFailure('Cannot restart: the launcher has ended; start with `vitrine up`.');
      await pause(100);
    }
    throw new StackFailure(
      `Cannot restart ${name ?? 'the stack'}: the launcher (pid ${launcher.pid}) did not finish within ${deadlineMs / 1000} s; read \`vitrine status\` and \`vitrine logs\`.`,
    );
  } finally {
    for (const end of ['request', 'answer']) await patiently(() => rmSync(`${path}.${end}`, { force: true }));
  }
}

/** What restarts at a request. */
export type Restartable = Pick<Stack, 'data' | 'names' | 'restart'>;

/**
 * The launcher's side, at every SIGUSR2: one look after the other, so that no request is done
 * twice.
 */
export function answerRestartRequests(stack: Restartable, onTrouble: (sentence: string) => void): () => Promise<void> {
  let turn: Promise<void> = Promise.resolve();
  return () => {
    turn = turn
      .then(() => answerAll(stack))
      .catch((error: Error) =>
        onTrouble(`Cannot answer a request for a restart: ${error.message}; ask again with \`vitrine restart\`.`),
      );
    return turn;
  };
}

async function answerAll(stack: Restartable): Promise<void> {
  const folder = requestFolder(stack.data);
  const files = await patiently(() => {
    makeFolderNow(folder);
    return readdirSync(folder).filter((one) => one.endsWith('.request'));
  });
  for (const file of files) {
    const request = (await patiently(() => readIfThere(join(folder, file)))) as Request | undefined;
    // First: one that stayed would be done again.
    await patiently(() => rmSync(join(folder, file), { force: true }));
    if (request === undefined) continue;
    const answer = await restart(stack, request);
    await patiently(() => writeWhole(join(folder, file.replace(/request$/, 'answer')), answer));
  }
}

async function restart(stack: Restartable, { name, env }: Request): Promise<Answer> {
  try {
    const names = name === undefined ? stack.names : [name];
    const missing = names.find((one) => !stack.names.includes(one));
    if (missing !== undefined) {
      return {
        failed: `Cannot restart ${missing}: it is not part of this stack; start it with \`vitrine up --only\`, or ask for ${stack.names.join(', ')}.`,
      };
    }
    for (const one of componentNames.filter((other) => names.includes(other))) await stack.restart(one, { env });
    return { failed: undefined };
  } catch (error) {
    return { failed: (error as Error).message };
  }
}

function requestFolder(data: string): string {
  return join(data, 'stack', 'requests');
}

function writeWhole(path: string, content: unknown): void {
  // A request has settings in it, which may be secrets.
  writeFileSync(`${path}.new`, JSON.stringify(content), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function readIfThere(path: string): unknown {
  const text = ifThereNow(() => readFileSync(path, 'utf8'));
  return text === undefined ? undefined : JSON.parse(text);
}
