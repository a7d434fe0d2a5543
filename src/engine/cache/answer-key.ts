import { createHash } from 'node:crypto';
import type { CheckedInputs } from '../check-inputs.ts';
import { isStrings } from '../tensor.ts';

/**
 * Identifies what was asked of one version of a model. Names and types follow from the model, in
 * whose order the inputs are.
 */
export function answerKey(
  { inputs }: Pick<CheckedInputs, 'inputs'>,
  outputs: readonly string[] | undefined,
  tenant: string | undefined,
): string {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([tenant, outputs, inputs.map(({ shape }) => shape)]));
  for (const { data } of inputs) {
    if (isStrings(data)) hash.update(JSON.stringify(data));
    else hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('base64');
}
