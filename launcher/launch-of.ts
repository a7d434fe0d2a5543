import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readTimeScale } from '../observability/time-scale.ts';
import { makeFolderNow } from '../src/make-folder.ts';
import type { Launch } from './component-process.ts';
import {
  type ComponentName,
  component,
  componentEnvironment,
  defaultComponents,
  type LaunchContext,
  nativeAddresses,
} from './components.ts';
import { encryptConfiguration } from './encrypt-configuration.ts';
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

async function render(name: ComponentName, { root, data, config }: LaunchContext, folder: string): Promise<void> {
  const { renderedFrom } = component(name);
  if (renderedFrom === undefined) return;
  durationMs(config.scrapeInterval);
  await renderConfiguration(join(root, renderedFrom), join(folder, 'configuration'), {
    addresses: nativeAddresses(config),
    scrapeInterval: config.scrapeInterval,
    timeScale: readTimeScale(config.timeScale),
    scrapeJobs: await scrapeJobs(name, root, config),
    links: { grafanaUrl: config.grafanaUrl, runbooksUrl: config.runbooksUrl },
  });
  await encryptConfiguration(name, { data, config });
}

/** Of the jobs of both stores of metrics, those whose server runs: the others would be missed. */
async function scrapeJobs(
  name: ComponentName,
  root: string,
  config: LaunchContext['config'],
): Promise<{ job_name: string }[]> {
  const running: readonly string[] = defaultComponents(config);
  const jobs = new Map<string, { job_name: string }>();
  const files = ['prometheus/prometheus.yaml', 'victoriametrics/scrape.yaml'];
  // Its own file first: each knows fields that the other refuses.
  for (const file of name === 'prometheus' ? files : files.toReversed()) {
    const { scrape_configs: found } = parse(await readFile(join(root, file), 'utf8')) as {
      scrape_configs: { job_name: string }[];
    };
    for (const job of found) if (!jobs.has(job.job_name)) jobs.set(job.job_name, job);
  }
  return [...jobs.values()].filter(({ job_name: name }) => running.includes(name));
}
