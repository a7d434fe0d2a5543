import { askJson } from '../asking/ask.ts';
import type { Trial } from './trial.ts';

type Tensor = { name: string; datatype: string; shape: number[] };

const elementsMax = 64;

/** Any model as it is: its inputs as JSON of the Open Inference Protocol, filled with zeros to begin with. */
export async function modelTrial(model: string, models: readonly string[], signal: AbortSignal): Promise<Trial> {
  const { inputs = [] } = await askJson<{ inputs?: Tensor[] }>(`/v2/models/${encodeURIComponent(model)}`, { signal });
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
        value: JSON.stringify({ inputs: inputs.map(example) }, null, 1),
      },
    ],
  };
}

function example({ name, datatype, shape }: Tensor): Record<string, unknown> {
  const sizes = shape.map((size) => (size < 0 ? 1 : size));
  const count = sizes.reduce((product, size) => product * size, 1);
  const zero = datatype === 'BYTES' ? '' : datatype === 'BOOL' ? false : 0;
  // Beyond this nobody types it; what is too short is refused with a sentence that says how many there must be.
  return { name, datatype, shape: sizes, data: Array(Math.min(count, elementsMax)).fill(zero) };
}
