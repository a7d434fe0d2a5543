import { resolve } from 'node:path';
import { readConfig } from '../../src/config.ts';
import { componentNames, parseComponentName } from '../components.ts';
import { isRunning } from '../process-identity.ts';
import { requestRestart } from '../restart-request.ts';
import { StackFailure } from '../stack-failure.ts';
import { readState } from '../stack-state.ts';

/** Restarts one component, or all in the order of start, through the launcher that watches over them. */
export async function restart({ name }: { name: string | undefined }): Promise<number> {
  const data = resolve(import.meta.dirname, '../..', readConfig().data);
  const one = name === undefined ? undefined : parseComponentName(name);
  const state = readState(data);
  if (state === undefined || !(await isRunning(state.launcher))) {
    throw new StackFailure(
      `Cannot restart: nothing runs with the data folder ${data}; start with \`vitrine up\`, or set VITRINE_DATA to the one that runs.`,
    );
  }
  await requestRestart(data, state.launcher, one, 180_000 * (one === undefined ? componentNames.length : 1));
  process.stdout.write(`Restarted ${one ?? 'everything'}; it is healthy.\n`);
  return 0;
}
