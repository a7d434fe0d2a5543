import { join } from 'node:path';
import { readTimeScale } from '../observability/time-scale.ts';
import { makeFolderNow } from '../src/make-folder.ts';
import type { Launch } from './component-process.ts';
import {
  type ComponentName,
  component,
  componentEnvironment,
  type LaunchContext,
  nativeAddresses,
} from './components.ts';
import { durationMs, renderConfiguration } from './render-configuration.ts';

/**
 * Prepares a component and answers what starts it. `binaries` is the folder of its server, which is
 * built.
 */
export async function launchOf(
  name: ComponentName,
  {
    context,
    env,
    binaries,
    onNote,
  }: { context: LaunchContext; env: NodeJS.ProcessEnv; binaries: string | undefined; onNote: (text: string) => void },
): Promise<Launch> {
  const { server, program, parameters, prepare } = component(name);
  const { root, data } = context;
  const folder = join(data, name);
  makeFolderNow(folder);
  await render(name, context, folder);
  for (const text of (await prepare?.(context)) ?? []) onNote(text);
  const ownEnv = componentEnvironment(name, context, env);
  return server === undefined
    ? {
        program: process.execPath,
        parameters: [join(root, program), ...parameters(context)],
        env: ownEnv,
        folder: root,
      }
    : { program: join(binaries ?? '', program), parameters: parameters(context), env: ownEnv, folder: root };
}

async function render(name: ComponentName, { root, config }: LaunchContext, folder: string): Promise<void> {
  const { renderedFrom } = component(name);
  if (renderedFrom === undefined) return;
  durationMs(config.scrapeInterval);
  await renderConfiguration(join(root, renderedFrom), join(folder, 'configuration'), {
    addresses: nativeAddresses(config),
    scrapeInterval: config.scrapeInterval,
    timeScale: readTimeScale(config.timeScale),
    links: { grafanaUrl: config.grafanaUrl, runbooksUrl: config.runbooksUrl },
  });
}
