import { existsSync } from 'node:fs';
import { copyFile, link, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../../src/make-folder.ts';
import { syncToDisk } from '../../src/sync-to-disk.ts';
import { StackFailure } from '../stack-failure.ts';
import { type CudaPlaces, type CudaState, examineCuda, librariesFolder } from './examine-cuda.ts';
import { type FetchContext, fetchWheel } from './fetch-wheel.ts';
import { unpackWheel } from './unpack-wheel.ts';
import { libraryWheels, providerFiles, providerWheel, type Wheel } from './wheels.ts';

export type CudaOrder = CudaPlaces & {
  readonly index: string;
  /** NVIDIA's libraries too. */
  readonly libraries: boolean;
  readonly wheels?: { readonly provider: Wheel; readonly libraries: readonly Wheel[] };
  readonly signal: AbortSignal;
  readonly onStep: (text: string) => void;
};

/**
 * Puts ONNX Runtime's CUDA provider where the binding looks for it, and NVIDIA's libraries into the
 * cache where they are asked for. What is there is left as it is.
 */
export async function installCuda(order: CudaOrder): Promise<CudaState> {
  const { wheels = { provider: providerWheel, libraries: libraryWheels } } = order;
  const { version, bindingFolder } = await examineCuda(order);
  if (bindingFolder === undefined)
    throw new StackFailure('Cannot get CUDA: ONNX Runtime has it for Linux on x64 alone; use such a machine.');
  if (version !== wheels.provider.version)
    throw new StackFailure(
      `Cannot get CUDA: onnxruntime-node is ${version}, and the provider that is known is of ${wheels.provider.version}, which it would not load; run \`npm ci\`, or use a Vitrine that knows ${version}.`,
    );
  const folder = librariesFolder(order.env);
  await makeFolder(folder);
  const wanted = [wheels.provider, ...(order.libraries ? wheels.libraries : [])].filter(
    (wheel) => !existsSync(join(folder, markOf(wheel))),
  );
  await checkRoom(folder, wanted);
  for (const wheel of wanted) await bring(wheel, folder, order);
  for (const name of providerFiles) await place(join(folder, name), bindingFolder, name);
  await syncToDisk(bindingFolder);
  return await examineCuda(order);
}

async function bring(wheel: Wheel, folder: string, { index, signal, onStep }: CudaOrder): Promise<void> {
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  onStep(`Getting ${wheel.project} ${wheel.version}, ${megabytes(wheel.sizeBytes)} …`);
  let [bytes, saidAt] = [0, performance.now()];
  const context: FetchContext = {
    index,
    folder,
    signal,
    onBytes: (more) => {
      bytes += more;
      if (performance.now() - saidAt < saidEveryMs) return;
      saidAt = performance.now();
      onStep(`${wheel.project}: ${megabytes(bytes)} of ${megabytes(wheel.sizeBytes)}`);
    },
  };
  const file = await fetchWheel(wheel, context);
  const names = await unpackWheel(file, wheel.takes, folder);
  if (names.length === 0)
    throw new StackFailure(`Cannot get CUDA: ${wheel.file} has none of the libraries; report this as a defect.`);
  // From here on it is here: what it had is whole and on the disk.
  await writeFile(join(folder, markOf(wheel)), `${names.join('\n')}\n`, { flush: true });
  await syncToDisk(folder);
  await rm(file);
}

const saidEveryMs = 5_000;
/** For the wheel, and for what it has unpacked. */
const roomPerByte = 3;

async function checkRoom(folder: string, wanted: readonly Wheel[]): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const needed = roomPerByte * wanted.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (bavail * bsize >= needed) return;
  throw new StackFailure(
    `Cannot get CUDA: ${(needed / 1e9).toFixed(1)} GB are wanted in ${folder}, and ${((bavail * bsize) / 1e9).toFixed(1)} GB are free; free the disk, or set VITRINE_CACHE to another.`,
  );
}

function markOf({ project, version }: Wheel): string {
  return `${project}-${version}.here`;
}

/** Never written in place: other checkouts may share the file that was there. */
async function place(from: string, folder: string, name: string): Promise<void> {
  const part = join(folder, `${name}.part`);
  await rm(part, { force: true });
  await link(from, part).catch(() => copyFile(from, part));
  await rename(part, join(folder, name));
}
