import { resolve } from 'node:path';
import { componentNames, parseComponentName, portSettings } from '../../launcher/components.ts';
import { isRunning } from '../../launcher/process-identity.ts';
import { requestRestart } from '../../launcher/restart-request.ts';
import { StackFailure } from '../../launcher/stack-failure.ts';
import { readState } from '../../launcher/stack-state.ts';
import { readConfig, settings } from '../../src/config.ts';

/**
 * Restarts one component, or all in the order of start, through the launcher that watches over
 * them. Settings that this command finds in its environment take effect: `VITRINE_BACKENDS=…
 * vitrine restart collector` swaps a backend. Ports and folders stay until the next `vitrine up`.
 */
export async function restart({ name }: { name: string | undefined }): Promise<number> {
  const data = resolve(import.meta.dirname, '../..', readConfig().data);
  const one = name === undefined ? undefined : parseComponentName(name);
  const state = readState(data);
  if (state === undefined || !(await isRunning(state.launcher))) {
    throw new StackFailure(
      `Cannot restart: nothing runs with the data folder ${data}; start with \`vitrine up\`, or set VITRINE_DATA to the one that runs.`,
    );
  }
  const env = changeableSettings(process.env);
  const deadlineMs = 180_000 * (one === undefined ? componentNames.length : 1);
  await requestRestart(data, state.launcher, { name: one, env }, deadlineMs);
  const given = Object.keys(env).filter((name) => name.startsWith('VITRINE_'));
  const taken = given.length === 0 ? '' : ` It took ${given.join(', ')} from this command.`;
  process.stdout.write(`Restarted ${one ?? 'everything'}; it is healthy.${taken}\n`);
  return 0;
}

/**
 * What a restart may change: Vitrine's, OpenTelemetry's and the files' own settings, but no port
 * and no folder of a stack that runs.
 */
function changeableSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const fixed = new Set<string>([
    ...portSettings.map((name) => settings[name].env),
    settings.data.env,
    settings.bind.env,
    settings.cache.env,
  ]);
  const isSetting = (name: string) =>
    name.startsWith('VITRINE_') ||
    name.startsWith('OTEL_') ||
    /^(LOG_LEVEL|METRICS_ENABLED|TRACING_ENABLED)$/.test(name);
  return Object.fromEntries(Object.entries(env).filter(([name]) => isSetting(name) && !fixed.has(name)));
}
