import { z } from 'zod';
import { resample as resampleSamples } from '../../../audio/resample.ts';
import { elementsOf } from '../../tensor.ts';
import type { Operation } from './operation.ts';
import { whyNoSamples } from './samples.ts';

const rate = z.int().min(1000).max(768_000);

const how = z.strictObject({
  from_hz: rate.describe('The sample rate of x.'),
  to_hz: rate.describe('The sample rate of y.'),
});
type How = z.infer<typeof how>;

/** Another sample rate, along the last axis. */
export const resample: Operation<How> = {
  how,
  inputs: ['x'],
  outputs: ['y'],
  plan([x], given) {
    const { datatype, shape } = x!;
    const samples = shape.at(-1) ?? 0;
    return (
      whyNoSamples(x!) ?? [{ datatype, shape: [...shape.slice(0, -1), samples < 0 ? -1 : samplesOf(samples, given)] }]
    );
  },
  bytes([x], given) {
    const { shape } = x!;
    return 4 * elementsOf(shape.slice(0, -1)) * samplesOf(shape.at(-1)!, given);
  },
  cost: ([x], { from_hz: from, to_hz: to }) => x!.data.length * 200 * Math.max(1, to / from),
  run([x], given) {
    const { datatype, shape } = x!;
    const samples = shape.at(-1)!;
    const made = samplesOf(samples, given);
    const rows = samples === 0 ? 0 : x!.data.length / samples;
    const from = x!.data as Float32Array;
    const data = new Float32Array(rows * made);
    for (let row = 0; row < rows; row += 1)
      data.set(
        resampleSamples(from.subarray(row * samples, (row + 1) * samples), given.from_hz, given.to_hz),
        row * made,
      );
    return [{ datatype, shape: [...shape.slice(0, -1), made], data }];
  },
};

function samplesOf(samples: number, { from_hz: from, to_hz: to }: How): number {
  return Math.ceil((samples * to) / from);
}
