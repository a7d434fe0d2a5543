import { z } from 'zod';
import { elementsOf } from '../../tensor.ts';
import type { Form, Operation } from './operation.ts';
import { whyNoSamples } from './samples.ts';

const how = z
  .strictObject({
    length: z
      .int()
      .min(1)
      .max(2 ** 24)
      .describe('Samples in a window.'),
    hop: z
      .int()
      .min(1)
      .max(2 ** 24)
      .optional()
      .describe('From the begin of one to that of the next. Absent: length.'),
    weights: z
      .enum(['equal', 'hann', 'hamming'])
      .default('equal')
      .describe('What the samples of a window are multiplied by (hann and hamming: periodic).'),
    end: z
      .enum(['pad', 'drop'])
      .default('pad')
      .describe('Samples that do not fill a window: filled up with zeros, or left out.'),
  })
  .transform((given) => ({ ...given, hop: given.hop ?? given.length }));
type How = z.infer<typeof how>;

/** The last axis cut into windows, which may overlap: [samples] becomes [windows, length]. */
export const window: Operation<How> = {
  how,
  inputs: ['x'],
  outputs: ['y'],
  plan([x], given) {
    const samples = x!.shape.at(-1) ?? 0;
    return whyNoSamples(x!) ?? [formOf(x!, samples < 0 ? -1 : windowsOf(samples, given), given)];
  },
  bytes([x], given) {
    const { shape } = x!;
    const samples = shape.at(-1)!;
    const windows = windowsOf(samples, given);
    if (windows === 0) return `x has ${samples} samples and a window has ${given.length}; set end to pad`;
    return 4 * elementsOf(shape.slice(0, -1)) * windows * given.length;
  },
  cost: ([x], { length, hop }) => x!.data.length * Math.max(1, length / hop) * 2,
  run([x], given) {
    const { length, hop, weights } = given;
    const samples = x!.shape.at(-1)!;
    const windows = windowsOf(samples, given);
    const rows = samples === 0 ? 0 : x!.data.length / samples;
    const from = x!.data as Float32Array;
    const data = new Float32Array(rows * windows * length);
    const factors = weights === 'equal' ? undefined : weightsOf(weights, length);
    for (let row = 0; row < rows; row += 1)
      for (let place = 0; place < windows; place += 1) {
        const begin = place * hop;
        const taken = from.subarray(row * samples + begin, row * samples + Math.min(samples, begin + length));
        const at = (row * windows + place) * length;
        data.set(taken, at);
        if (factors) for (let sample = 0; sample < taken.length; sample += 1) data[at + sample]! *= factors[sample]!;
      }
    return [{ ...formOf(x!, windows, given), data }];
  },
};

function formOf({ datatype, shape }: Form, windows: number, { length }: How): Form {
  return { datatype, shape: [...shape.slice(0, -1), windows, length] };
}

function windowsOf(samples: number, { length, hop, end }: How): number {
  if (end === 'drop') return samples < length ? 0 : Math.floor((samples - length) / hop) + 1;
  return samples === 0 ? 0 : Math.max(1, Math.ceil((samples - length) / hop) + 1);
}

function weightsOf(weights: 'hann' | 'hamming', length: number): Float64Array {
  const floor = weights === 'hann' ? 0.5 : 0.54;
  return Float64Array.from({ length }, (_, at) => floor - (1 - floor) * Math.cos((2 * Math.PI * at) / length));
}
