import { checkHeads, type ManifestOfInputs } from '../../engine/check-inputs.ts';
import { headsWithState } from '../../engine/sequences/model-state.ts';
import { isDataType, type Tensor, type TensorHead } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import {
  arrayAt,
  flagOf,
  isObject,
  type JsonObject,
  kindOf,
  objectAt,
  textOf,
  wholeOf,
} from '../../http/json/json-fields.ts';
import type { JsonLimits } from '../../http/json/json-shape.ts';
import { malformed, quoted } from '../../http/json/malformed.ts';
import { parseJson } from '../../http/json/parse-json.ts';
import { say } from '../../sentence.ts';
import { dataFromBytes } from './binary-tensor.ts';
import type { InferCall } from './infer-call.ts';
import { dataFromJson } from './json-tensor.ts';
import { readSequence } from './read-sequence.ts';
import { elementCount, readShape } from './tensor-shape.ts';
import { writtenData } from './written-data.ts';

/** What a request may hold. */
export type ReadLimits = JsonLimits & {
  /** VITRINE_JSON_BYTES_MAX */
  readonly jsonBytesMax: number;
};

/**
 * A body of JSON, or of JSON and the binary data of tensors after it, to an inference call. Names,
 * types and shapes are checked against the manifest, where one is given, before any data is
 * decoded. `jsonBytes` is the header Inference-Header-Content-Length, undefined where it is absent.
 */
export function readInferRequest(
  body: Buffer,
  jsonBytes: number | undefined,
  limits: ReadLimits,
  manifest?: ManifestOfInputs,
): InferCall {
  if (jsonBytes !== undefined && jsonBytes > body.length)
    throw new ServiceError(
      'invalid_request',
      say`Cannot read the body: Inference-Header-Content-Length says ${jsonBytes} bytes of JSON, but the body has ${body.length}; correct the header.`,
    );
  const json = jsonBytes === undefined ? body : body.subarray(0, jsonBytes);
  const request = readJson(json, limits);
  const parameters = parametersOf(request, '');
  const sequence = parameters === none ? undefined : readSequence(parameters);
  const entries = readEntries(request.inputs);
  const outputs = readOutputs(request.outputs, flagOf(parameters, 'binary_data_output', 'parameters.') ?? false);
  if (manifest) checkHeads(manifest, sequence ? headsWithState(manifest, entries) : entries, outputs.outputs);
  return {
    id: textOf(request, 'id', ''),
    inputs: readData(entries, json, jsonBytes === undefined ? undefined : body.subarray(jsonBytes), limits),
    ...outputs,
    priority: wholeOf(parameters, 'priority', 'parameters.') ?? 0,
    timeoutUs: wholeOf(parameters, 'timeout', 'parameters.') ?? 0,
    sequence,
  };
}

export function readJson(json: Buffer, limits: ReadLimits): JsonObject {
  const { jsonBytesMax } = limits;
  if (json.length > jsonBytesMax)
    throw malformed(
      'the JSON',
      `has ${json.length} bytes; at most ${jsonBytesMax} are taken (VITRINE_JSON_BYTES_MAX): send large tensors as binary data`,
    );
  return objectAt(parseJson(json, 'the JSON', limits), 'the JSON');
}

export const inputsMax = 1024;

/** An input before its data is looked at. */
type Entry = TensorHead & {
  readonly count: number;
  /** In JSON; undefined where it is missing. */
  readonly data: unknown;
  /** Of binary data; undefined where it is in JSON. */
  readonly size: number | undefined;
};

function readEntries(value: unknown): Entry[] {
  const given = arrayAt(value, 'inputs');
  if (given.length > inputsMax)
    throw malformed('inputs', `has ${given.length} entries; at most ${inputsMax} are taken`);
  const entries: Entry[] = [];
  for (let index = 0; index < given.length; index += 1) {
    const where = `inputs[${index}]`;
    const entry = objectAt(given[index], where);
    const name = nameOf(entry, where);
    if (entries.some((earlier) => earlier.name === name))
      throw malformed(`${where}.name`, `is ${quoted(name)}, which an earlier input has`);
    const datatype = textOf(entry, 'datatype', `${where}.`);
    if (datatype === undefined) throw malformed(`${where}.datatype`, 'is missing');
    if (!isDataType(datatype)) throw malformed(`${where}.datatype`, unknownDataType(datatype));
    const shape = readShape(entry.shape, `${where}.shape`);
    const count = elementCount(shape, `${where}.shape`);
    const parameters = parametersOf(entry, `${where}.`);
    refuseSharedMemory(parameters, where);
    const size = wholeOf(parameters, 'binary_data_size', `${where}.parameters.`);
    if (size === undefined && entry.data === undefined)
      throw malformed(`${where}.data`, 'is missing, and there is no parameters.binary_data_size');
    if (size !== undefined && entry.data !== undefined)
      throw malformed(where, 'has both data and parameters.binary_data_size; one of them is wanted');
    entries.push({ name, datatype, shape, count, data: entry.data, size });
  }
  return entries;
}

function readData(
  entries: readonly Entry[],
  json: Buffer,
  binary: Buffer | undefined,
  { textsMax, textBytesMax }: JsonLimits,
): Tensor[] {
  const inputs: Tensor[] = [];
  let taken = 0;
  let texts = 0;
  let textBytes = 0;
  for (let index = 0; index < entries.length; index += 1) {
    const { name, datatype, shape, count, data, size } = entries[index]!;
    const where = `inputs[${index}]`;
    if (datatype === 'BYTES') texts += count;
    if (texts > textsMax) throw tooManyTexts(`${where}.shape`, shape, textsMax);
    if (datatype === 'BYTES') textBytes += size ?? 0;
    if (textBytes > textBytesMax) throw textsTooLong(where, textBytes, textBytesMax);
    if (size === undefined) {
      // A value takes two bytes of JSON at least, so nothing larger than the request is ever allocated.
      if (count > json.length)
        throw malformed(`${where}.shape`, `says ${quoted(shape)}: more elements than the request holds`);
      const written = () => writtenData(json, index);
      inputs.push({
        name,
        datatype,
        shape,
        data: dataFromJson(datatype, shape, count, data, `${where}.data`, written),
      });
      continue;
    }
    if (binary === undefined)
      throw malformed(
        `${where}.parameters.binary_data_size`,
        'is set, but the header Inference-Header-Content-Length is missing',
      );
    if (taken + size > binary.length)
      throw malformed(
        `${where}.parameters.binary_data_size`,
        `is ${size}, but ${binary.length - taken} bytes are left of the body`,
      );
    inputs.push({ name, datatype, shape, data: dataFromBytes(datatype, count, binary, taken, size, where) });
    taken += size;
  }
  if (binary !== undefined && taken !== binary.length)
    throw malformed('the body', `has ${binary.length - taken} bytes more than its JSON and tensors take`);
  return inputs;
}

export function tooManyTexts(where: string, shape: readonly number[], textsMax: number): ServiceError {
  return malformed(
    where,
    `says ${quoted(shape)}: more than the ${textsMax} texts that a request may have; send less at once, or raise VITRINE_TEXTS_MAX`,
  );
}

/** Texts are copied on the event loop on their way to the model and back. */
export function textsTooLong(where: string, bytes: number, bytesMax: number): ServiceError {
  return malformed(
    where,
    `has ${bytes} bytes of texts; at most ${bytesMax} are taken; send less at once, or raise VITRINE_TEXT_BYTES_MAX`,
  );
}

function readOutputs(value: unknown, byDefault: boolean): Pick<InferCall, 'outputs' | 'binary'> {
  if (value === undefined) return { outputs: undefined, binary: { byDefault, byName: undefined } };
  const entries = arrayAt(value, 'outputs');
  // An empty list asks for nothing in particular, as its absence does.
  if (entries.length === 0) return { outputs: undefined, binary: { byDefault, byName: undefined } };
  if (entries.length > inputsMax)
    throw malformed('outputs', `has ${entries.length} entries; at most ${inputsMax} are taken`);
  const byName = new Map<string, boolean>();
  for (let index = 0; index < entries.length; index += 1) {
    const where = `outputs[${index}]`;
    const entry = objectAt(entries[index], where);
    const name = nameOf(entry, where);
    if (byName.has(name)) throw malformed(`${where}.name`, `is ${quoted(name)}, which an earlier output has`);
    const parameters = parametersOf(entry, `${where}.`);
    refuseSharedMemory(parameters, where);
    if (parameters.classification)
      throw malformed(`${where}.parameters.classification`, 'is set; the classification extension is not served');
    byName.set(name, flagOf(parameters, 'binary_data', `${where}.parameters.`) ?? byDefault);
  }
  return { outputs: [...byName.keys()], binary: { byDefault, byName } };
}

function nameOf(entry: JsonObject, where: string): string {
  const name = textOf(entry, 'name', `${where}.`);
  if (name === undefined || name === '')
    throw malformed(`${where}.name`, `is ${name === undefined ? 'missing' : 'empty'}`);
  return name;
}

const none: JsonObject = Object.freeze({});

export function parametersOf(entry: JsonObject, where: string): JsonObject {
  const { parameters } = entry;
  if (parameters === undefined) return none;
  if (!isObject(parameters)) throw malformed(`${where}parameters`, `is ${kindOf(parameters)}; an object is wanted`);
  return parameters;
}

function refuseSharedMemory(parameters: JsonObject, where: string): void {
  if (parameters.shared_memory_region !== undefined)
    throw malformed(`${where}.parameters.shared_memory_region`, 'is set; shared memory is not served');
}

export function unknownDataType(given: string): string {
  if (given === 'BF16') return 'is BF16, which ONNX Runtime’s binding cannot carry; send FP32';
  return `is ${quoted(given)}; one of BOOL, UINT8 … UINT64, INT8 … INT64, FP16, FP32, FP64 and BYTES is wanted`;
}
