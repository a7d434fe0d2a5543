import { spawn } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { openConsoleLog, sizeOf } from '../cli/console-log.ts';
import type { Config } from '../src/config.ts';
import { patiently } from './patiently.ts';
import { identify, isRunning } from './process-identity.ts';
import { readState } from './stack-state.ts';

const root = resolve(import.meta.dirname, '..');

/**
 * Starts `vitrine up` in a session of its own, shows what it says, and returns when everything is
 * healthy or has failed.
 */
export async function upDetached(config: Config, only: string | undefined): Promise<number> {
  const data = resolve(root, config.data);
  const logPath = join(data, 'stack', 'logs', 'launcher.log');
  const log = openConsoleLog(logPath);
  let shown = await sizeOf(logPath);
  const parameters = [join(root, 'cli/command-line.ts'), 'up', ...(only === undefined ? [] : ['--only', only])];
  const child = spawn(process.execPath, parameters, {
    detached: true,
    stdio: ['ignore', log.descriptor, log.descriptor],
  });
  log.close();
  const launcher = child.pid === undefined ? undefined : await identify(child.pid);
  const show = async () => {
    const size = await sizeOf(logPath);
    if (size > shown)
      for await (const text of createReadStream(logPath, { start: shown, end: size - 1 })) process.stdout.write(text);
    shown = size;
  };

  for (;;) {
    await pause(200);
    await show();
    if (launcher === undefined || !(await isRunning(launcher))) {
      await show();
      return 1;
    }
    const state = await patiently(() => readState(data));
    if (state?.launcher.startedAt !== launcher.startedAt || !state.settled) continue;
    child.unref();
    await show();
    return state.components.every((one) => one.state === 'healthy') ? 0 : 1;
  }
}
