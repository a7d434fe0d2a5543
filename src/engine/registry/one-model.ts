import { readdir, rm, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Config } from '../../config.ts';
import { ServiceError } from '../../errors.ts';
import { ifThere } from '../../if-there.ts';
import { makeFolder } from '../../make-folder.ts';
import { ours, say } from '../../sentence.ts';
import { placesOf, written } from '../places/place.ts';
import { isModelName, scanModel } from './model-folder.ts';

/** What a version's graph is called in a repository. */
const graphName = 'model.onnx';

/**
 * The repository to serve. VITRINE_MODEL_NAME names the one model that VITRINE_MODELS holds, as
 * KServe mounts it; the repository then is one of links to its files.
 */
export async function repositoryOf(
  { models, modelName, data }: Pick<Config, 'models' | 'modelName' | 'data'>,
  part = 'service',
): Promise<string> {
  if (modelName === '') return models;
  if (!isModelName(modelName))
    throw refused(
      `the name ${JSON.stringify(modelName)} has other signs than letters, digits, dot, dash and underscore`,
      'give another name in VITRINE_MODEL_NAME',
    );
  const [place, ...others] = placesOf(models);
  if (place?.kind !== 'folder' || others.length > 0)
    throw refused(
      'VITRINE_MODELS names more than one folder',
      'name one folder there, or leave VITRINE_MODEL_NAME out',
    );
  // A whole repository, as Triton's storage has it.
  if (await scanModel(place.folder, modelName)) return models;
  const repository = join(data, part, 'one-model');
  await rm(repository, { recursive: true, force: true });
  await makeFolder(repository);
  const folder = resolve(place.folder);
  const entries = (await ifThere(readdir(folder))) ?? [];
  await symlink(folder, join(repository, modelName));
  if ((await scanModel(repository, modelName))?.versions.length) return written(repository);
  await rm(join(repository, modelName));

  const graphs = entries.filter((name) => name.endsWith('.onnx'));
  const graph = graphs.includes(graphName) ? graphName : graphs[0];
  if (graph === undefined || (graphs.length > 1 && graph !== graphName))
    throw refused(
      graph === undefined
        ? `${folder} has no version with a model.onnx and no file *.onnx`
        : `${folder} has several files *.onnx and no model.onnx`,
      'name the folder of the model in VITRINE_MODELS, or leave VITRINE_MODEL_NAME out to serve a whole repository',
    );
  const version = join(repository, modelName, '1');
  await makeFolder(version);
  // Weights may lie in files beside the graph, which names them.
  for (const name of entries) await symlink(join(folder, name), join(version, name === graph ? graphName : name));
  if (entries.includes('model.json'))
    await symlink(join(folder, 'model.json'), join(repository, modelName, 'model.json'));
  return written(repository);
}

function refused(state: string, remedy: string): ServiceError {
  return new ServiceError(
    'invalid_setting',
    say`Cannot serve the model of VITRINE_MODEL_NAME: ${ours(state)}; ${ours(remedy)}.`,
  );
}
