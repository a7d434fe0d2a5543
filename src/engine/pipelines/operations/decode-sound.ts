import { z } from 'zod';
import { mono } from '../../../audio/mono.ts';
import { withSoundBytes } from '../../../audio/open-audio.ts';
import type { Planes } from '../../../audio/planes.ts';
import { StreamResampler } from '../../../audio/resample.ts';
import { ServiceError } from '../../../errors.ts';
import { say } from '../../../sentence.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  rate_hz: z.int().min(1000).max(384_000).optional().describe('The rate of the sound that is given. Absent: its own.'),
  channels: z.enum(['all', 'mean']).default('all').describe('all: [channels, samples]. mean: their mean, [samples].'),
  seconds_max: z.number().positive().max(86_400).default(600).describe('Longer sounds are refused.'),
});
type How = z.infer<typeof how>;

const channelsMax = 64;

/** The bytes of a file (wav, flac, mp3, ogg, aiff) as a sound. */
export const decodeSound: Operation<How> = {
  how,
  inputs: ['bytes'],
  outputs: ['sound', 'rate_hz'],
  plan([bytes], { channels }) {
    const { datatype, shape } = bytes!;
    if (datatype !== 'UINT8' || shape.length !== 1) return `it takes UINT8 [-1], and bytes is ${datatype} [${shape}]`;
    return [
      { datatype: 'FP32', shape: channels === 'all' ? [-1, -1] : [-1] },
      { datatype: 'INT32', shape: [1] },
    ];
  },
  // Nothing is known before its head is read: the samples are counted while they are decoded.
  bytes: () => 0,
  cost: () => Number.POSITIVE_INFINITY,
  async run([bytes], { rate_hz: wantedHz, channels, seconds_max: secondsMax }, bytesMax) {
    const limits = {
      audioChannelsMax: channelsMax,
      audioSamplesMax: Math.floor(bytesMax / 4),
      secondsMax,
      secondsSetting: 'seconds_max of the step',
      samplesSetting: 'VITRINE_OUTPUT_BYTES_MAX',
    };
    return await withSoundBytes(bytes!.data as Uint8Array, limits, async (sound) => {
      const rateHz = wantedHz ?? sound.sampleRateHz;
      const planes = channels === 'mean' ? 1 : sound.channels;
      const resamplers = Array.from({ length: planes }, () => new StreamResampler(sound.sampleRateHz, rateHz));
      const pieces: Planes[] = [];
      let samples = 0;
      const add = (piece: Planes) => {
        pieces.push(piece);
        samples += piece[0]!.length;
        if (samples * planes * 4 > bytesMax) throw tooLarge(bytesMax);
      };
      for await (const piece of sound.pieces()) {
        const taken = channels === 'mean' ? [mono(piece)] : piece;
        add(taken.map((plane, at) => resamplers[at]!.next(plane)));
      }
      add(resamplers.map((resampler) => resampler.end()));
      const data = new Float32Array(samples * planes);
      for (let plane = 0, at = 0; plane < planes; plane += 1)
        for (const piece of pieces) {
          data.set(piece[plane]!, at);
          at += piece[plane]!.length;
        }
      return [
        { datatype: 'FP32', shape: channels === 'all' ? [planes, samples] : [samples], data },
        { datatype: 'INT32', shape: [1], data: Int32Array.of(rateHz) },
      ];
    });
  },
};

function tooLarge(bytesMax: number): ServiceError {
  return new ServiceError(
    'audio_too_long',
    say`Cannot take the sound: its samples take more than the ${bytesMax} bytes that are left between the steps; send less, or raise VITRINE_OUTPUT_BYTES_MAX.`,
  );
}
