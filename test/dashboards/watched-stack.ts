import { cp, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Shim } from '../../testkit/gpu/shim.ts';
import { gather, perceptron, slow, writeModel } from '../../testkit/models/models.ts';
import { type Stack, startStack } from '../../testkit/stack.ts';
import { temporaryFolder } from '../../testkit/temporary-folder.ts';
import { writeCredentials } from '../../testkit/write-credentials.ts';

/** Keys of two tenants, and the administrator’s token. */
export const keys = { studio: 'key-of-the-studio-0001', guest: 'key-of-the-guest-00001' } as const;
export const adminToken = 'token-of-the-administrator';

/**
 * The whole real stack, watched closely: every trace is kept, telemetry within a second, the
 * windows of the rules a twentieth, a GPU that is a shim, two tenants. `tasks` are models of the
 * repository, the others small ones that fail and dawdle on demand.
 */
export async function startWatchedStack(shim: Shim): Promise<{ stack: Stack } & AsyncDisposable> {
  const folder = await temporaryFolder();
  const models = join(folder.path, 'models');
  for (const name of await taskModels()) await cp(join(repository, name), join(models, name), { recursive: true });
  await writeModel(models, 'perceptron', perceptron(), { manifest: { accuracy: { 'held-out': 0.91 } } });
  await writeModel(models, 'in-a-process', perceptron({ widths: [4, 4, 2] }), {
    manifest: { lanes: { kind: 'process' }, cache: {} },
  });
  await writeModel(models, 'gather', gather());
  await writeModel(models, 'slow', slow());
  const credentials = await writeCredentials(folder.path, { keys, adminToken });
  const stack = await startStack({
    env: {
      VITRINE_MODELS: models,
      ...credentials,
      VITRINE_TASKS_PER_MINUTE_MAX: '1000',
      VITRINE_TRACE_FIRST_PER_SECOND: '100000',
      VITRINE_TRACE_SLOW_MS: '100',
      VITRINE_TIME_SCALE: '0.05',
      VITRINE_COLLECTOR_FLUSH_MS: '1000',
      VITRINE_GPU_PERIOD_MS: '200',
      LD_LIBRARY_PATH: shim.folder,
      ...shim.env,
    },
  }).catch(async (error: unknown) => {
    await folder[Symbol.asyncDispose]();
    throw error;
  });
  return {
    stack,
    [Symbol.asyncDispose]: async () => {
      await stack.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

const repository = join(import.meta.dirname, '../../models');

/** What the repository serves by default. */
async function taskModels(): Promise<string[]> {
  const entries = await readdir(repository, { withFileTypes: true });
  const served: string[] = [];
  for (const { name } of entries.filter((entry) => entry.isDirectory())) {
    if ((await readdir(join(repository, name))).some((version) => /^\d+$/.test(version))) served.push(name);
  }
  return served;
}
