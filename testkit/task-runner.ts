import { stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { type Config, readConfig } from '../src/config.ts';
import { Registry } from '../src/engine/registry/registry.ts';
import { runTask } from '../src/tasks/task.ts';
import { TaskMetrics } from '../src/tasks/task-metrics.ts';
import type { TaskTools } from '../src/tasks/task-tools.ts';
import type { TaskRequest, TaskResult, UploadedFile } from '../src/tasks/task-types.ts';
import { TaskThreads } from '../src/tasks/threads/task-threads.ts';
import { setLogLevel } from '../src/telemetry/logger.ts';
import { Meter } from '../src/telemetry/meter.ts';
import { temporaryFolder } from './temporary-folder.ts';

export const ourModels = fileURLToPath(new URL('../models', import.meta.url));

export type TaskRunner = AsyncDisposable & {
  readonly registry: Registry;
  readonly threads: TaskThreads;
  readonly metrics: TaskMetrics;
  /** Runs a task in a folder of its own, which stays until the runner is disposed of. */
  run(
    request: Omit<TaskRequest, 'files'> & { files?: readonly UploadedFile[] },
    tools?: Partial<TaskTools>,
  ): Promise<TaskResult>;
};

/** Tasks on the models of the repository, without HTTP. */
export async function taskRunner(loadModels: string, settings: Partial<Config> = {}): Promise<TaskRunner> {
  const config: Config = {
    ...readConfig({}),
    models: ourModels,
    modelControl: 'explicit',
    loadModels,
    logLevel: 'error',
    ...settings,
  };
  setLogLevel('app', config.logLevel);
  const registry = new Registry(config);
  await registry.start();
  const meter = new Meter();
  const threads = new TaskThreads(config, meter);
  const metrics = new TaskMetrics(meter);
  const folders: Awaited<ReturnType<typeof temporaryFolder>>[] = [];
  return {
    registry,
    threads,
    metrics,
    run: async (request, tools = {}) => {
      const folder = await temporaryFolder();
      folders.push(folder);
      return runTask(
        { files: [], ...request },
        {
          ...{ config, registry, threads, metrics, folder: folder.path },
          signal: new AbortController().signal,
          deadlineAt: performance.now() + 60_000,
          progress: () => undefined,
          reserve: async () => undefined,
          tenant: 'test',
          context: ROOT_CONTEXT,
          ...tools,
        },
      );
    },
    [Symbol.asyncDispose]: async () => {
      await threads[Symbol.asyncDispose]();
      await registry[Symbol.asyncDispose]();
      for (const folder of folders) await folder[Symbol.asyncDispose]();
    },
  };
}

/** A file as if it had been uploaded. */
export async function uploaded(path: string, field = 'file'): Promise<UploadedFile> {
  return { field, name: path.split('/').at(-1) ?? '', path, sizeBytes: (await stat(path)).size };
}

export function fixtureSound(name: string): string {
  return fileURLToPath(new URL(`./fixtures/audio/${name}`, import.meta.url));
}
