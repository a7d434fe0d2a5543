import { askJson } from '../asking/ask.ts';
import { pageFacts } from '../page-facts.ts';
import { countOf, example, type Fill, fills, sizesOf, type Tensor } from './example-input.ts';
import type { Trial } from './trial.ts';

/** The field that is a header of the call, not in its body. */
export const profileField = 'profile';
/** The field that fills the request, and is not sent. */
export const fillField = 'fill';

/** Any model as it is: its inputs as JSON of the Open Inference Protocol, with made-up values. */
export async function modelTrial(
  { model, models, fill }: { model: string; models: readonly string[]; fill: Fill },
  signal: AbortSignal,
): Promise<Trial> {
  const [inputs, { admin }] = await Promise.all([inputsOf(model, signal), pageFacts(signal)]);
  return {
    id: 'model',
    title: 'Any model',
    says: 'Sends tensors to a model as they are, and shows what it answers. Open dimensions are 1 here: change them as you like.',
    path: '/v2/models/{model}/infer',
    body: 'json',
    fields: [
      { kind: 'choice', name: 'model', label: 'Model', value: model, of: models },
      { kind: 'choice', name: fillField, label: 'Fill with', value: fill, of: fills },
      {
        kind: 'text',
        name: 'json',
        label: 'Request',
        long: true,
        // A tensor a line: with its zeros beneath one another it could not be read.
        value: `{"inputs": [\n  ${inputs.map((input) => JSON.stringify(example(input, fill))).join(',\n  ')}\n]}`,
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

/** The model with the fewest values to send: a first request that can be read. */
export async function smallestOf(models: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  const sized = await Promise.all(
    models.map(async (model) => ({
      model,
      values: (await inputsOf(model, signal)).reduce((sum, { shape }) => sum + countOf(sizesOf(shape)), 0),
    })),
  );
  return sized.sort((a, b) => a.values - b.values)[0]?.model;
}

async function inputsOf(model: string, signal: AbortSignal): Promise<Tensor[]> {
  const { inputs = [] } = await askJson<{ inputs?: Tensor[] }>(`/v2/models/${encodeURIComponent(model)}`, { signal });
  return inputs;
}
