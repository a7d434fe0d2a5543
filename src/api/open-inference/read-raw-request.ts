import type { Manifest } from '../../engine/registry/manifest.ts';
import type { TensorSpec } from '../../engine/registry/tensor-spec.ts';
import { dataTypes } from '../../engine/tensor.ts';
import type { JsonLimits } from '../../http/json/json-shape.ts';
import { malformed } from '../../http/json/malformed.ts';
import { dataFromBytes } from './binary-tensor.ts';
import type { InferCall } from './infer-call.ts';
import { textsTooLong } from './read-infer-request.ts';

/**
 * A body that is only one tensor's bytes (Inference-Header-Content-Length: 0). Name, type and shape
 * come from the model: it must have one input beside a mask, with at most one free dimension besides
 * the batch, which is 1. The answer is binary.
 */
export function readRawRequest(
  body: Buffer,
  manifest: Pick<Manifest, 'name' | 'inputs' | 'batching' | 'mask'>,
  { textBytesMax }: Pick<JsonLimits, 'textBytesMax'>,
): InferCall {
  const { mask, inputs } = manifest;
  const [input, ...others] = mask ? inputs.filter(({ name }) => name !== mask.name) : inputs;
  if (input === undefined || others.length > 0)
    throw malformed(
      'the body',
      `is one raw tensor (Inference-Header-Content-Length is 0), but ${manifest.name} has ${manifest.inputs.length} inputs; name them in JSON`,
    );
  if (input.datatype === 'BYTES' && body.length > textBytesMax)
    throw textsTooLong('the body', body.length, textBytesMax);
  const shape = shapeOf(input, body.length, manifest.batching.rows_max > 0);
  const count = shape.reduce((product, size) => product * size, 1);
  const [elements, bytes] = input.datatype === 'BYTES' ? [1, withLength(body)] : [count, body];
  const data = dataFromBytes(input.datatype, elements, bytes, 0, bytes.length, 'the body');
  return {
    id: undefined,
    inputs: [{ name: input.name, datatype: input.datatype, shape, data }],
    outputs: undefined,
    binary: { byDefault: true, byName: undefined },
    priority: 0,
    timeoutUs: 0,
  };
}

function shapeOf(input: TensorSpec, bodyBytes: number, batched: boolean): number[] {
  // One raw body is one element of BYTES.
  if (input.datatype === 'BYTES') return input.shape.map((size) => (size < 0 ? 1 : size));
  const free = input.shape.flatMap((size, axis) => (size < 0 ? [axis] : []));
  const rowAxis = batched && free.length > 1 ? 0 : -1;
  const open = free.filter((axis) => axis !== rowAxis);
  if (open.length > 1)
    throw malformed(
      'the body',
      `is one raw tensor (Inference-Header-Content-Length is 0), but the shape of ${input.name} has ${open.length} free dimensions; give the shape in JSON`,
    );
  const known = input.shape.reduce((product, size) => (size < 0 ? product : product * size), 1);
  const elements = bodyBytes / dataTypes[input.datatype].bytes;
  if (!Number.isInteger(elements))
    throw malformed('the body', `has ${bodyBytes} bytes, which is no whole number of ${input.datatype} elements`);
  const rest = known === 0 ? 0 : elements / known;
  if (open.length === 1 && !Number.isInteger(rest))
    throw malformed(
      'the body',
      `has ${elements} elements, which do not fill ${input.name} of shape [${input.shape.join()}]`,
    );
  return input.shape.map((size, axis) => (size >= 0 ? size : axis === rowAxis ? 1 : rest));
}

function withLength(body: Buffer): Buffer {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([length, body]);
}
