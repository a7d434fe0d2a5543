import { chmodSync, mkdirSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { bindingPackage, librariesFolder } from '../../launcher/cuda/examine-cuda.ts';
import { installCuda } from '../../launcher/cuda/install-cuda.ts';

// Run while the image is built: ONNX Runtime's CUDA provider and NVIDIA's libraries, in one folder.
// Usage: node get-cuda.ts <folder>

const [folder = '/cuda-files'] = process.argv.slice(2);
const env = { ...process.env, VITRINE_CACHE: join(folder, '..', 'cuda-cache') };
await installCuda({
  binding: bindingPackage(),
  env,
  index: process.env.PIP_INDEX_URL || 'https://pypi.org/simple',
  libraries: true,
  signal: new AbortController().signal,
  onStep: (text) => process.stdout.write(`${text}\n`),
});
mkdirSync(folder);
const from = librariesFolder(env);
for (const name of readdirSync(from).filter((each) => each.includes('.so'))) {
  renameSync(join(from, name), join(folder, name));
  chmodSync(join(folder, name), 0o755);
}
