import { z } from 'zod';
import { wavBytes, writeWav } from '../../../audio/write-wav.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  rate_hz: z.int().min(1000).max(384_000).describe('Samples a second.'),
  encoding: z
    .enum(['pcm16', 'pcm24', 'float32'])
    .default('pcm16')
    .describe('How a sample is written; beyond full scale, PCM is clipped.'),
});

const channelsMax = 64;

/** A sound, [samples] or [channels, samples], as the bytes of a WAV file. */
export const encodeSound: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['sound'],
  outputs: ['bytes'],
  plan([sound]) {
    const { datatype, shape } = sound!;
    if (datatype !== 'FP32' || shape.length < 1 || shape.length > 2)
      return `it takes FP32 [samples] or [channels, samples], and sound is ${datatype} [${shape}]`;
    return [{ datatype: 'UINT8', shape: [-1] }];
  },
  bytes([sound], { encoding }) {
    const { channels, samples } = sizeOf(sound!.shape);
    if (channels > channelsMax) return `sound has ${channels} channels, and ${channelsMax} are written at most`;
    return wavBytes(encoding, channels, samples);
  },
  cost: ([sound]) => sound!.data.length * 10,
  run([sound], { rate_hz: sampleRateHz, encoding }) {
    const { channels, samples } = sizeOf(sound!.shape);
    const data = sound!.data as Float32Array;
    const planes = Array.from({ length: channels }, (_, at) => data.subarray(at * samples, (at + 1) * samples));
    const bytes = writeWav({ sampleRateHz, channels: planes }, encoding);
    return [{ datatype: 'UINT8', shape: [bytes.length], data: bytes }];
  },
};

function sizeOf(shape: readonly number[]): { channels: number; samples: number } {
  return { channels: shape.length === 2 ? shape[0]! : 1, samples: shape.at(-1)! };
}
