import type { Manifest } from '../engine/registry/manifest.ts';
import type { Registry } from '../engine/registry/registry.ts';
import type { TensorSpec } from '../engine/registry/tensor-spec.ts';
import { ServiceError } from '../errors.ts';
import { ours, oursIfAmong, say } from '../sentence.ts';
import type { TaskKind } from '../task-kinds.ts';
import { taskKinds } from '../task-kinds.ts';
import { stemsWanted } from './separation/stems-wanted.ts';
import type { TaskRequest } from './task-types.ts';

/** What the work needs to know of its model. */
export type TaskModel = {
  readonly name: string;
  readonly version: string;
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly separator: Manifest['separator'];
};

/**
 * The model that the request names, if it is there and can do this task; else `model_not_found`
 * with those that can. Scores do without theirs.
 */
export function modelForTask(
  { kind, parameters }: Pick<TaskRequest, 'kind' | 'parameters'>,
  registry: Registry,
  mayName: (model: string) => boolean = () => false,
): TaskModel | undefined {
  const name = modelOf(kind, parameters);
  const isKnown = registry.models().some((model) => model.name === name);
  if (kind === 'score' && !registry.models().some((model) => model.name === name && model.state === 'ready'))
    return undefined;
  if (!isKnown) throw notThere(kind, name, registry, mayName);
  const { manifest, version } = registry.find(name);
  if (!suits(kind, manifest)) throw notThere(kind, name, registry, mayName);
  return { name, version, inputs: manifest.inputs, outputs: manifest.outputs, separator: manifest.separator };
}

/**
 * Refuses stems that the model does not make, before a job is made. A model that is not there yet
 * may come.
 */
export function checkStems({ kind, parameters }: Pick<TaskRequest, 'kind' | 'parameters'>, registry: Registry): void {
  const name = modelOf(kind, parameters);
  if (kind !== 'separate' || registry.versions(name).length === 0) return;
  const { separator } = registry.find(name).manifest;
  if (separator) stemsWanted(parameters, separator.stems);
}

/** Every task that can be asked for now, with each model that can do it. */
export function possibleTasks(registry: Registry): { kind: TaskKind; model: string }[] {
  return taskKinds.flatMap((kind) => modelsFor(kind, registry).map((model) => ({ kind, model })));
}

/** Those that are ready and can do the task. */
export function modelsFor(kind: TaskKind, registry: Registry): string[] {
  return registry
    .models()
    .filter(({ model, state }) => state === 'ready' && model !== undefined && suits(kind, model.manifest))
    .map(({ name }) => name)
    .sort();
}

function suits(kind: TaskKind, { inputs, separator, steps }: Manifest): boolean {
  // A task asks its model in a way of its own, whatever a pipeline calls its inputs.
  if (steps !== undefined) return false;
  if (kind === 'separate') return separator !== undefined;
  const names = inputs.map(({ name }) => name);
  return inputsWanted[kind].every((name) => names.includes(name));
}

/** How a model that can do a task is recognised without a section in its manifest. */
const inputsWanted: Readonly<Record<Exclude<TaskKind, 'separate'>, readonly string[]>> = {
  generate: ['frequencies', 'decays', 'amplitudes', 'phases', 'mode_levels', 'noise', 'noise_levels'],
  score: ['input_1'],
  microstructure: ['field', 'previous_estimate', 'spectrum', 'signal', 'noise', 'keep', 'pull', 'momentum'],
  speech: ['input', 'h', 'c'],
};

function notThere(kind: TaskKind, name: string, registry: Registry, mayName: (model: string) => boolean): ServiceError {
  const there = modelsFor(kind, registry).filter(mayName);
  const known = registry.models().map((model) => model.name);
  const remedy = kind === 'separate' ? ', or add one with a separator section in its model.json (VITRINE_MODELS)' : '';
  return new ServiceError(
    'model_not_found',
    say`Cannot do the task with model ${oursIfAmong(name.slice(0, 128), known)}: the repository has none of this name that can; use ${ours(there.length === 0 ? 'one that POST /v2/repository/index lists' : `one of: ${there.join(', ')}`)}${ours(remedy)}.`,
  );
}

/** Which model a task asks for. */
export function modelOf(kind: TaskKind, parameters: Record<string, unknown>): string {
  switch (kind) {
    case 'separate':
      return parameters.model_name as string;
    case 'score':
      return 'dnsmos';
    case 'speech':
      return 'silero-vad';
    case 'generate':
    case 'microstructure':
      return parameters.model as string;
  }
}
