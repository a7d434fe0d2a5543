import { isDataType, type Tensor } from '../../engine/tensor.ts';
import { ServiceError } from '../../errors.ts';
import { say } from '../../sentence.ts';
import { dataFromBytes } from './binary-tensor.ts';
import type { InferCall } from './infer-call.ts';
import { arrayAt, flagOf, isObject, type JsonObject, kindOf, objectAt, textOf, wholeOf } from './json-fields.ts';
import { dataFromJson } from './json-tensor.ts';
import { malformed, quoted } from './malformed.ts';
import { parseJson, parseJsonExactly } from './parse-json.ts';
import { elementCount, readShape } from './tensor-shape.ts';

/**
 * A body of JSON, or of JSON and the binary data of tensors after it, to an inference call. What the model makes of names, types and shapes is the
 * engine's to check; here the request must only agree with itself. `jsonBytes` is the header Inference-Header-Content-Length, undefined
 * where it is absent.
 */
export function readInferRequest(body: Buffer, jsonBytes: number | undefined, jsonBytesMax: number): InferCall {
  if (jsonBytes !== undefined && jsonBytes > body.length)
    throw new ServiceError(
      'invalid_request',
      say`Cannot read the body: Inference-Header-Content-Length says ${jsonBytes} bytes of JSON, but the body has ${body.length}; correct the header.`,
    );
  const json = jsonBytes === undefined ? body : body.subarray(0, jsonBytes);
  if (json.length > jsonBytesMax)
    throw malformed(
      'the JSON',
      `has ${json.length} bytes; at most ${jsonBytesMax} are taken (VITRINE_JSON_BYTES_MAX): send large tensors as binary data`,
    );
  let request = objectAt(parseJson(json), 'the JSON');
  if (holdsInexactNumbers(request)) request = parseJsonExactly(json) as JsonObject;

  const parameters = parametersOf(request, '');
  for (const served of unserved)
    if (parameters[served]) throw malformed(`parameters.${served}`, 'is set; sequences and streams are not served');
  return {
    id: textOf(request, 'id', ''),
    inputs: readInputs(request.inputs, json.length, jsonBytes === undefined ? undefined : body.subarray(jsonBytes)),
    ...readOutputs(request.outputs, flagOf(parameters, 'binary_data_output', 'parameters.') ?? false),
    priority: wholeOf(parameters, 'priority', 'parameters.') ?? 0,
    timeoutUs: wholeOf(parameters, 'timeout', 'parameters.') ?? 0,
  };
}

/** Silence about these would be an answer other than the one asked for. */
const unserved = ['sequence_id', 'sequence_start', 'sequence_end'] as const;

const inputsMax = 1024;

function readInputs(value: unknown, jsonLength: number, binary: Buffer | undefined): Tensor[] {
  const entries = arrayAt(value, 'inputs');
  if (entries.length > inputsMax)
    throw malformed('inputs', `has ${entries.length} entries; at most ${inputsMax} are taken`);
  const inputs: Tensor[] = [];
  let taken = 0;
  for (let index = 0; index < entries.length; index += 1) {
    const where = `inputs[${index}]`;
    const entry = objectAt(entries[index], where);
    const name = nameOf(entry, where);
    if (inputs.some((earlier) => earlier.name === name))
      throw malformed(`${where}.name`, `is ${quoted(name)}, which an earlier input has`);
    const datatype = textOf(entry, 'datatype', `${where}.`);
    if (datatype === undefined) throw malformed(`${where}.datatype`, 'is missing');
    if (!isDataType(datatype)) throw malformed(`${where}.datatype`, unknownDataType(datatype));
    const shape = readShape(entry.shape, `${where}.shape`);
    const count = elementCount(shape, `${where}.shape`);
    const parameters = parametersOf(entry, `${where}.`);
    refuseSharedMemory(parameters, where);
    const size = wholeOf(parameters, 'binary_data_size', `${where}.parameters.`);
    if (size === undefined) {
      if (entry.data === undefined)
        throw malformed(`${where}.data`, 'is missing, and there is no parameters.binary_data_size');
      // A value takes two bytes of JSON at least, so nothing larger than the request is ever allocated.
      if (count > jsonLength)
        throw malformed(`${where}.shape`, `says ${quoted(shape)}: more elements than the request holds`);
      inputs.push({ name, datatype, shape, data: dataFromJson(datatype, shape, count, entry.data, `${where}.data`) });
      continue;
    }
    if (entry.data !== undefined) throw malformed(where, 'has both data and parameters.binary_data_size');
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

function parametersOf(entry: JsonObject, where: string): JsonObject {
  const { parameters } = entry;
  if (parameters === undefined) return none;
  if (!isObject(parameters)) throw malformed(`${where}parameters`, `is ${kindOf(parameters)}; an object is wanted`);
  return parameters;
}

function refuseSharedMemory(parameters: JsonObject, where: string): void {
  if (parameters.shared_memory_region !== undefined)
    throw malformed(`${where}.parameters.shared_memory_region`, 'is set; shared memory is not served');
}

function unknownDataType(given: string): string {
  if (given === 'BF16') return 'is BF16, which ONNX Runtime’s binding cannot carry; send FP32';
  return `is ${quoted(given)}; one of BOOL, UINT8 … UINT64, INT8 … INT64, FP16, FP32, FP64 and BYTES is wanted`;
}

/** Whether JSON.parse has rounded a whole number of a 64-bit input: then it is read again, exactly. */
function holdsInexactNumbers(request: JsonObject): boolean {
  if (!Array.isArray(request.inputs)) return false;
  for (const input of request.inputs as unknown[]) {
    if (!isObject(input) || (input.datatype !== 'INT64' && input.datatype !== 'UINT64')) continue;
    if (hasInexact(input.data, 0)) return true;
  }
  return false;
}

function hasInexact(value: unknown, depth: number): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value);
  if (!Array.isArray(value) || depth > 32) return false;
  for (let index = 0; index < value.length; index += 1) if (hasInexact(value[index], depth + 1)) return true;
  return false;
}
