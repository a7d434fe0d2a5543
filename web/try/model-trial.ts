import { askJson } from '../asking/ask.ts';
import { pageFacts } from '../page-facts.ts';
import type { Trial } from './trial.ts';

type Tensor = { name: string; datatype: string; shape: number[] };

/** Half a megabyte of text: beyond this nobody edits it. */
const elementsMax = 200_000;

/** The field that is a header of the call, not in its body. */
export const profileField = 'profile';

/**
 * Any model as it is: its inputs as JSON of the Open Inference Protocol, filled with zeros to begin
 * with.
 */
export async function modelTrial(model: string, models: readonly string[], signal: AbortSignal): Promise<Trial> {
  const [{ inputs = [] }, { admin }] = await Promise.all([
    askJson<{ inputs?: Tensor[] }>(`/v2/models/${encodeURIComponent(model)}`, { signal }),
    pageFacts(signal),
  ]);
  return {
    id: 'model',
    title: 'Any model',
    says: 'Sends tensors to a model as they are, and shows what it answers. Open dimensions are 1 here: change them as you like.',
    path: '/v2/models/{model}/infer',
    body: 'json',
    fields: [
      { kind: 'choice', name: 'model', label: 'Model', value: model, of: models },
      {
        kind: 'text',
        name: 'json',
        label: 'Request',
        long: true,
        // A tensor a line: with its zeros beneath one another it could not be read.
        value: `{"inputs": [\n  ${inputs.map((input) => JSON.stringify(example(input))).join(',\n  ')}\n]}`,
      },
      {
        kind: 'check',
        name: profileField,
        label: 'Put its operators on the trace (the administrator, or a key that may profile)',
        checked: admin,
      },
    ],
  };
}

function example({ name, datatype, shape }: Tensor): Record<string, unknown> {
  const sizes = shape.map((size) => (size < 0 ? 1 : size));
  const count = sizes.reduce((product, size) => product * size, 1);
  const zero = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
  // What is too short is refused with a sentence that says how many there must be.
  return { name, datatype, shape: sizes, data: Array(Math.min(count, elementsMax)).fill(zero) };
}
