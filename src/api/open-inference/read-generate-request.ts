import { checkHeads, type ManifestOfInputs } from '../../engine/check-inputs.ts';
import type { TensorSpec } from '../../engine/registry/tensor-spec.ts';
import { headsWithState } from '../../engine/sequences/model-state.ts';
import type { Tensor, TensorHead } from '../../engine/tensor.ts';
import { isObject, type JsonObject, kindOf, textOf, wholeOf } from '../../http/json/json-fields.ts';
import { malformed, quoted } from '../../http/json/malformed.ts';
import type { InferCall } from './infer-call.ts';
import { dataFromJson } from './json-tensor.ts';
import { parametersOf, type ReadLimits, readJson, tooManyTexts } from './read-infer-request.ts';
import { readSequence } from './read-sequence.ts';
import { elementCount } from './tensor-shape.ts';
import { writtenMember } from './written-data.ts';

/** An input as its member says it: the values are nested as deep as the shape is. */
type Given = TensorHead & { readonly count: number; readonly values: readonly unknown[] };

/**
 * The body of Triton's generate: each input of the model is a member, a value or an array of them.
 * What names no input is a parameter. Type and missing leading dimensions come from the model.
 */
export function readGenerateRequest(body: Buffer, limits: ReadLimits, manifest: ManifestOfInputs): InferCall {
  const request = readJson(body, limits);
  const { inputs: specs } = manifest;
  const isInput = (name: string) => specs.some((spec) => spec.name === name);
  const parameters = parametersBeside(request, isInput, manifest.name);
  const sequence = readSequence(parameters);
  const given = specs
    .filter(({ name }) => request[name] !== undefined)
    .map((spec) => asGiven(spec, request[spec.name]));
  checkTexts(given, limits.textsMax);
  checkHeads(manifest, sequence ? headsWithState(manifest, given) : given);
  return {
    id: isInput('id') ? undefined : textOf(request, 'id', ''),
    inputs: given.map((each) => tensorOf(each, body)),
    outputs: undefined,
    binary: { byDefault: false, byName: undefined },
    priority: wholeOf(parameters, 'priority', 'parameters.') ?? 0,
    timeoutUs: wholeOf(parameters, 'timeout', 'parameters.') ?? 0,
    sequence,
  };
}

/** What `parameters` has, and the members beside the inputs. */
function parametersBeside(request: JsonObject, isInput: (name: string) => boolean, model: string): JsonObject {
  const parameters: Record<string, unknown> = Object.assign(
    Object.create(null),
    isInput('parameters') ? undefined : parametersOf(request, ''),
  );
  for (const [name, value] of Object.entries(request)) {
    if (name === 'id' || name === 'parameters' || isInput(name)) continue;
    if (Array.isArray(value) || isObject(value))
      throw malformed(quoted(name), `is ${kindOf(value)}, and ${model} has no input of that name; correct it`);
    parameters[name] ??= value;
  }
  return parameters;
}

function asGiven({ name, datatype, shape: wanted }: TensorSpec, value: unknown): Given {
  const sizes = sizesOf(value);
  if (sizes.length > Math.max(1, wanted.length))
    throw malformed(name, `is nested ${sizes.length} deep; the shape of the input is ${quoted(wanted)}`);
  const missing = Math.max(0, wanted.length - sizes.length);
  const shape = [...Array<number>(missing).fill(1), ...sizes];
  let values = value;
  for (let depth = 0; depth < missing; depth += 1) values = [values];
  return { name, datatype, shape, count: elementCount(shape, name), values: Array.isArray(values) ? values : [values] };
}

/** Of the first element at each depth; whether all are alike is found when the values are read. */
function sizesOf(value: unknown): number[] {
  const sizes: number[] = [];
  for (let at = value; Array.isArray(at); at = at[0]) sizes.push(at.length);
  return sizes;
}

function checkTexts(given: readonly Given[], textsMax: number): void {
  let texts = 0;
  for (const { name, datatype, shape, count } of given) {
    if (datatype === 'BYTES') texts += count;
    if (texts > textsMax) throw tooManyTexts(name, shape, textsMax);
  }
}

function tensorOf({ name, datatype, shape, count, values }: Given, body: Buffer): Tensor {
  const written = () => writtenMember(body, name);
  return { name, datatype, shape, data: dataFromJson(datatype, shape, count, values, name, written) };
}
