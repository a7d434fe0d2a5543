import { execFile } from 'node:child_process';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../temporary-folder.ts';

const run = promisify(execFile);

/**
 * A shim in the place of NVIDIA's library, and what it answers: nvml-shim.c says which keys there
 * are. No GPU is in it.
 */
export type Shim = AsyncDisposable & {
  /** For LD_LIBRARY_PATH. */
  folder: string;
  library: string;
  /** For the environment of the process that loads it. */
  env: { VITRINE_NVML_SHIM: string };
  /** Stands in for the driver's listing of its devices. */
  driverFolder: string;
  /** From now on it answers this, and its own defaults for the rest. */
  answer(answers: Record<string, number>): Promise<void>;
};

/** Compiles the shim; says why not where there is no compiler. */
export async function compileShim(): Promise<Shim | { unavailable: string }> {
  const made = await temporaryFolder();
  const library = join(made.path, 'libnvidia-ml.so.1');
  try {
    await run('cc', ['-shared', '-fPIC', '-o', library, join(import.meta.dirname, 'nvml-shim.c')]);
  } catch (error) {
    await made[Symbol.asyncDispose]();
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { unavailable: 'there is no C compiler (cc) here' };
    throw error;
  }
  const answers = join(made.path, 'answers');
  const driverFolder = join(made.path, 'gpus');
  await mkdir(driverFolder);
  await writeFile(answers, '');
  return {
    folder: made.path,
    library,
    env: { VITRINE_NVML_SHIM: answers },
    driverFolder,
    answer: async (given) => {
      const lines = Object.entries(given).map(([key, value]) => `${key} ${value}\n`);
      // Whole or not at all: it is read at every call.
      await writeFile(`${answers}.new`, lines.join(''));
      await rename(`${answers}.new`, answers);
    },
    [Symbol.asyncDispose]: made[Symbol.asyncDispose],
  };
}
