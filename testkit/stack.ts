import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ComponentName } from '../launcher/components.ts';
import { portSettings } from '../launcher/components.ts';
import { type Stack, type StackOptions, startStack as start } from '../launcher/stack.ts';
import { settings } from '../src/config.ts';

export type { Stack } from '../launcher/stack.ts';

/**
 * Real servers for a test: every port a free one, a data folder of its own that is removed with the
 * stack, nothing restarted unless asked, telemetry within a second. Servers are built first when
 * they are not in the cache, so give the hook that calls it a long timeout.
 */
export async function startStack({
  only,
  env = {},
  dataFolder,
  autoRestart = false,
}: {
  only?: readonly ComponentName[];
  env?: NodeJS.ProcessEnv;
  /** Kept when given; otherwise a temporary one. */
  dataFolder?: string;
  autoRestart?: boolean;
} = {}): Promise<Stack> {
  const data = dataFolder ?? (await mkdtemp(join(tmpdir(), 'vitrine-stack-')));
  const options: StackOptions = {
    env: testEnvironment(data, env),
    autoRestart,
    ...(only === undefined ? {} : { only }),
  };
  const removeData = async () => {
    if (dataFolder === undefined) await rm(data, { recursive: true, force: true });
  };
  const stack = await start(options).catch(async (error: unknown) => {
    await removeData();
    throw error;
  });
  const close = stack.close.bind(stack);
  stack.close = async () => {
    await close();
    await removeData();
  };
  return stack;
}

/** The environment of a stack for tests: nothing of this machine's settings, all ports 0. */
export function testEnvironment(data: string, env: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([key]) => !/^(VITRINE|OTEL)_/.test(key) || key === 'VITRINE_CACHE');
  return {
    ...Object.fromEntries(own),
    ...Object.fromEntries(portSettings.map((name) => [settings[name].env, '0'])),
    VITRINE_DATA: data,
    // Where servers are got at all, they are built.
    VITRINE_MIRROR: 'none',
    VITRINE_SCRAPE_INTERVAL: '1s',
    VITRINE_ENVIRONMENT: 'test',
    OTEL_METRIC_EXPORT_INTERVAL: '1000',
    ...env,
  };
}
