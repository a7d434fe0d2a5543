import { ServiceError } from '../../errors.ts';
import { ours, say } from '../../sentence.ts';
import type { Manifest } from '../registry/manifest.ts';
import { shapesFit, type TensorSpec } from '../registry/tensor-spec.ts';
import { arrayOver, dataTypes, elementsOf, isStrings, type Tensor, type TensorHead } from '../tensor.ts';

/** What of a manifest the state of a sequence follows from. */
export type ManifestOfState = Pick<Manifest, 'name' | 'inputs' | 'batching' | 'state'>;

/**
 * The inputs that the caller gives, with those that are the state of a sequence as it begins. Their
 * sizes are known from the rows of the others, so a request is checked as a whole before its data
 * is read.
 */
export function headsWithState<Head extends TensorHead>(
  manifest: ManifestOfState,
  given: readonly Head[],
): readonly TensorHead[] {
  const { name, state } = manifest;
  if (state === undefined) throw keepsNoState(name);
  for (const { name: input } of given)
    if (state.tensors.some((tensor) => tensor.input === input))
      throw new ServiceError(
        'invalid_input',
        say`Cannot run model ${ours(name)}: the input "${ours(input)}" is the state of the sequence, which the service has; leave it out, or leave out sequence_id.`,
      );
  return [...given, ...stateHeads(manifest, given)];
}

/** The state that a sequence begins with: zeros. */
export function firstState(manifest: ManifestOfState, given: readonly TensorHead[]): Tensor[] {
  return stateHeads(manifest, given).map(({ name, datatype, shape }) => {
    const length = elementsOf(shape);
    if (datatype === 'BYTES') return { name, datatype, shape, data: new Array<string>(length).fill('') };
    const buffer = new ArrayBuffer(length * dataTypes[datatype].bytes);
    return { name, datatype, shape, data: arrayOver(datatype, buffer, 0, length) };
  });
}

/**
 * The state after a call, as the inputs of the next one. Copies: what the outputs lie in belongs to
 * the whole batch.
 */
export function nextState({ state }: Pick<Manifest, 'state'>, outputs: readonly Tensor[]): Tensor[] {
  return state!.tensors.map(({ output, input }) => {
    const { datatype, shape, data } = outputs.find(({ name }) => name === output)!;
    return { name: input, datatype, shape, data: isStrings(data) ? [...data] : data.slice() };
  });
}

/** All outputs that a call has to be run for; undefined: all there are. */
export function outputsWithState(
  { state }: Pick<Manifest, 'state'>,
  wanted: readonly string[] | undefined,
): readonly string[] | undefined {
  return wanted && [...new Set([...wanted, ...state!.tensors.map(({ output }) => output)])];
}

/** Without being asked for it, a caller does not get the state. */
export function isAnswered(
  { state }: Pick<Manifest, 'state'>,
  wanted: readonly string[] | undefined,
  output: string,
): boolean {
  return wanted?.includes(output) ?? state!.tensors.every((tensor) => tensor.output !== output);
}

/** Throws invalid_model where the manifest's state is none that the model can have. */
export function checkState({ name, inputs, outputs, state, cache }: ManifestToCheck): void {
  if (state === undefined) return;
  const refuse = (what: string, remedy: string) => {
    throw new ServiceError('invalid_model', say`Cannot load model ${ours(name)}: ${ours(what)}; ${ours(remedy)}.`);
  };
  if (cache !== undefined)
    refuse('model.json has cache and state, but an answer of a sequence goes by what came before', 'leave one out');
  const { tensors } = state;
  for (const { output, input, shape } of tensors) {
    const from = outputs.find((spec) => spec.name === output);
    const to = inputs.find((spec) => spec.name === input);
    if (!from) refuse(`its state names the output "${output}", which it does not have`, 'correct state in model.json');
    if (!to) refuse(`its state names the input "${input}", which it does not have`, 'correct state in model.json');
    if (tensors.filter((other) => other.output === output || other.input === input).length > 1)
      refuse(`its state names "${output}" or "${input}" twice`, 'correct state in model.json');
    if (from!.datatype !== to!.datatype || !shapesFit(from!.shape, to!.shape))
      refuse(
        `its state "${output}" ${from!.datatype} [${from!.shape}] does not fit the input "${input}" ${to!.datatype} [${to!.shape}]`,
        'correct state in model.json',
      );
    if (shape !== undefined && !shapesFit(shape, to!.shape))
      refuse(`the shape [${shape}] of its state does not fit the input "${input}" [${to!.shape}]`, 'correct it');
    if (shape === undefined && to!.shape.some((size, axis) => size < 0 && axis > 0))
      refuse(
        `the input "${input}" has free dimensions [${to!.shape}]`,
        'say in state.tensors[].shape of model.json how large it is at the beginning',
      );
  }
}

type ManifestToCheck = Pick<Manifest, 'name' | 'inputs' | 'outputs' | 'state' | 'cache'>;

export function keepsNoState(model: string): ServiceError {
  return new ServiceError(
    'invalid_input',
    say`Cannot run model ${ours(model)}: sequence_id is given, but the model has no state; leave it out, or name its state in model.json.`,
  );
}

/** A free first dimension is the rows that the caller gives, unless the manifest says otherwise. */
function stateHeads({ inputs, batching, state }: ManifestOfState, given: readonly TensorHead[]): TensorHead[] {
  const rows = given[0]?.shape[0] ?? 1;
  return state!.tensors.map(({ input, shape: declared }) => {
    const { datatype, shape } = inputs.find(({ name }) => name === input) as TensorSpec;
    const first = declared === undefined || batching.rows_max > 0 ? rows : declared[0]!;
    const sizeOf = (size: number, axis: number) => (size >= 0 ? size : axis === 0 ? first : declared![axis]!);
    return { name: input, datatype, shape: shape.map(sizeOf) };
  });
}
