import type { Tensor } from '../../engine/tensor.ts';
import { dataToBytes } from './binary-tensor.ts';
import type { InferCall } from './infer-call.ts';
import { dataToJson } from './json-tensor.ts';

/** An answer ready to be sent: its pieces in order, how long they are together, and where the JSON ends if binary data follows it. */
export type EncodedAnswer = {
  readonly pieces: readonly Buffer[];
  readonly size: number;
  readonly jsonBytes: number | undefined;
};

/** Tensors to the protocol's answer. Binary data is not copied: the pieces are views of the outputs. */
export function writeInferAnswer(
  model: { readonly name: string; readonly version: string },
  call: Pick<InferCall, 'id' | 'binary'>,
  outputs: readonly Tensor[],
): EncodedAnswer {
  let json = `{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`;
  if (call.id !== undefined) json += `,"id":${JSON.stringify(call.id)}`;
  json += ',"outputs":[';
  const binary: Buffer[] = [];
  let size = 0;
  for (let index = 0; index < outputs.length; index += 1) {
    const output = outputs[index]!;
    if (index > 0) json += ',';
    json += `{"name":${JSON.stringify(output.name)},"datatype":"${output.datatype}","shape":[${output.shape.join()}]`;
    if (call.binary.byName?.get(output.name) ?? call.binary.byDefault) {
      const bytes = dataToBytes(output);
      binary.push(bytes);
      size += bytes.length;
      json += `,"parameters":{"binary_data_size":${bytes.length}}}`;
    } else {
      const data = dataToJson(output);
      if (data.nonFinite > 0) json += `,"parameters":{"non_finite":${data.nonFinite}}`;
      json += `,"data":${data.json}}`;
    }
  }
  const head = Buffer.from(`${json}]}`);
  return {
    pieces: [head, ...binary],
    size: head.length + size,
    jsonBytes: binary.length > 0 ? head.length : undefined,
  };
}
