import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ifThere } from '../../src/if-there.ts';
import { generatedModels } from './generated.ts';
import { learnedModels } from './learned.ts';
import { writeOnnx } from './onnx/write-onnx.ts';

// `npm run models` writes every model that is code, and every manifest, byte for byte the same each
// time; with `-- --check` it says which files are stale. Learned weights are not made here: see
// fetch-learned.ts.

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stale = await staleModelFiles();
  if (process.argv.includes('--check')) {
    if (stale.length > 0) {
      console.error(`Stale: ${stale.map((path) => `models/${path}`).join(', ')}; run npm run models and commit.`);
      process.exitCode = 1;
    }
  } else {
    const files = modelFiles();
    for (const path of stale) {
      await mkdir(dirname(placeOf(path)), { recursive: true });
      await writeFile(placeOf(path), files.get(path) ?? '');
    }
    console.log(stale.length === 0 ? 'All models are up to date.' : `Wrote ${stale.join(', ')}.`);
  }
}

/** The generated files of models/ that are not what the code says now. */
export async function staleModelFiles(): Promise<string[]> {
  const stale: string[] = [];
  for (const [path, bytes] of modelFiles()) {
    const written = await ifThere(readFile(placeOf(path)));
    if (!written?.equals(bytes)) stale.push(path);
  }
  return stale;
}

function modelFiles(): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  for (const [name, { graph }] of Object.entries(generatedModels)) {
    files.set(`${name}/1/model.onnx`, writeOnnx(graph()));
  }
  for (const [name, { manifest }] of Object.entries({ ...generatedModels, ...learnedModels })) {
    files.set(`${name}/model.json`, Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`));
  }
  return files;
}

function placeOf(path: string): string {
  return fileURLToPath(new URL(`../../models/${path}`, import.meta.url));
}
