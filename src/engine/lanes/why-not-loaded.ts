import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/**
 * Why the library of a provider cannot be loaded, in the words of the system's loader, which ONNX
 * Runtime writes to stderr alone; undefined where it can be, or the platform has none.
 */
export function whyNotLoaded(provider: string, folder = bindingFolder()): string | undefined {
  if (process.platform !== 'linux') return undefined;
  for (const name of ['libonnxruntime_providers_shared.so', `libonnxruntime_providers_${provider}.so`]) {
    const file = join(folder, name);
    if (!existsSync(file)) return `${name} is not beside the binding; run vitrine cuda`;
    try {
      process.dlopen({ exports: {} }, file);
    } catch (error) {
      // Node's own word for a library that was loaded and is no addon.
      const { message } = error as Error;
      if (!/self-register/.test(message)) return `${message}; vitrine cuda --check says what is missing`;
    }
  }
  return undefined;
}

function bindingFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}
