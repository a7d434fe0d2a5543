import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../cache-folder.ts';
import { cudaLibraries, driverLibrary, providerFiles, providerWheel } from './wheels.ts';

/** What of CUDA is on this machine. */
export type CudaState = {
  /** The version of onnxruntime-node. */
  readonly version: string;
  /** The folder where its binding looks for providers; undefined where this system has none. */
  readonly bindingFolder: string | undefined;
  /** Whether the provider lies there. */
  readonly hasProvider: boolean;
  /** Libraries that are nowhere. */
  readonly missing: readonly string[];
  readonly hasDriver: boolean;
};

export type CudaPlaces = {
  /** The folder of the package onnxruntime-node. */
  readonly binding: string;
  readonly env: NodeJS.ProcessEnv;
};

export function bindingPackage(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return main.slice(0, main.lastIndexOf('onnxruntime-node') + 'onnxruntime-node'.length);
}

/** Where `vitrine cuda` puts NVIDIA's libraries; LD_LIBRARY_PATH has to name it. */
export function librariesFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(cacheFolder(env), 'cuda', `onnxruntime-${providerWheel.version}`);
}

export async function examineCuda({ binding, env }: CudaPlaces): Promise<CudaState> {
  const { version } = JSON.parse(await readFile(join(binding, 'package.json'), 'utf8')) as { version: string };
  const bindingFolder = folderOfBinding(binding);
  const has = await loaderHas(env);
  return {
    version,
    bindingFolder,
    hasProvider: bindingFolder !== undefined && providerFiles.every((name) => existsSync(join(bindingFolder, name))),
    missing: cudaLibraries.filter((name) => !has(name)),
    hasDriver: has(driverLibrary),
  };
}

/** What keeps CUDA from being used, in sentences with their remedies; none where all is there. */
export function obstaclesTo({ version, bindingFolder, hasProvider, missing, hasDriver }: CudaState): string[] {
  if (bindingFolder === undefined) return ['ONNX Runtime has CUDA for Linux on x64 alone; use another machine.'];
  const found: string[] = [];
  if (!hasProvider)
    found.push(`ONNX Runtime's CUDA provider ${version} is not beside the binding; run \`vitrine cuda\`.`);
  if (missing.length > 0)
    found.push(
      `CUDA 13 and cuDNN 9 are not whole: ${missing.join(', ')} cannot be found; run \`vitrine cuda --libraries\`, which gets them from PyPI, or install them and name their folder in LD_LIBRARY_PATH.`,
    );
  if (!hasDriver)
    found.push(
      `There is no ${driverLibrary}: this machine has no driver of NVIDIA; install it, or give the container the GPU (--gpus all).`,
    );
  return found;
}

function folderOfBinding(binding: string): string | undefined {
  const home = join(binding, 'bin');
  const [api] = existsSync(home) ? readdirSync(home).filter((name) => name.startsWith('napi-')) : [];
  const folder = join(home, api ?? '', 'linux', 'x64');
  const isHere = process.platform === 'linux' && process.arch === 'x64';
  return isHere && existsSync(join(folder, 'onnxruntime_binding.node')) ? folder : undefined;
}

/** Whether the system's loader would find a library, by itself or by LD_LIBRARY_PATH. */
async function loaderHas(env: NodeJS.ProcessEnv): Promise<(name: string) => boolean> {
  const cached = await promisify(execFile)('ldconfig', ['-p']).then(
    ({ stdout }) => stdout,
    () => '',
  );
  const named = (env.LD_LIBRARY_PATH ?? '').split(':').filter((folder) => folder !== '');
  const folders = [librariesFolder(env), ...named, '/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/lib64'];
  return (name) => cached.includes(`\t${name} (`) || folders.some((folder) => existsSync(join(folder, name)));
}
