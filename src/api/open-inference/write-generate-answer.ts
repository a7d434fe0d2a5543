import type { Tensor } from '../../engine/tensor.ts';
import type { InferCall } from './infer-call.ts';
import { dataToJson } from './json-tensor.ts';
import type { EncodedAnswer } from './write-infer-answer.ts';
import { bufferOver, type WrittenData } from './written-data.ts';

/**
 * Tensors to the answer of Triton's generate: each output is a member, a value where it has one
 * element, else a flat array. As an event of a stream, or as it is. `written` has the JSON of
 * outputs that were written elsewhere, by their places.
 */
export function writeGenerateAnswer(
  model: { readonly name: string; readonly version: string },
  { id }: Pick<InferCall, 'id'>,
  outputs: readonly Tensor[],
  asEvent: boolean,
  written?: ReadonlyMap<number, WrittenData>,
): EncodedAnswer {
  const pieces: Buffer[] = [];
  let json = `${asEvent ? 'data: ' : ''}{"model_name":${JSON.stringify(model.name)},"model_version":${JSON.stringify(model.version)}`;
  if (id !== undefined) json += `,"id":${JSON.stringify(id)}`;
  for (const [index, output] of outputs.entries()) {
    json += `,${JSON.stringify(output.name)}:`;
    const aside = written?.get(index);
    if (aside) {
      pieces.push(Buffer.from(json), ...aside.pieces.map(bufferOver));
      json = '';
    } else {
      const data = dataToJson(output).json;
      json += output.data.length === 1 ? data.slice(1, -1) : data;
    }
  }
  pieces.push(Buffer.from(`${json}}${asEvent ? '\n\n' : ''}`));
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  return { bytes: pieces, size, jsonBytes: undefined, ...(asEvent && { isEvents: true }) };
}
