import type { Config } from '../../config.ts';
import type { Planes } from '../separation/separate-in-chunks.ts';
import type { Audio } from './audio.ts';
import { withAudio } from './open-audio.ts';

/** A whole sound in memory, for measures that need it so; at most VITRINE_SCORE_SECONDS_MAX long. */
export async function readWhole(
  file: { readonly path: string; readonly name: string },
  config: Pick<Config, 'audioChannelsMax' | 'audioSamplesMax' | 'scoreSecondsMax'>,
): Promise<Audio> {
  const limits = {
    audioChannelsMax: config.audioChannelsMax,
    audioSamplesMax: config.audioSamplesMax,
    secondsMax: config.scoreSecondsMax,
    secondsSetting: 'VITRINE_SCORE_SECONDS_MAX',
  };
  return await withAudio(file, limits, async (audio) => {
    const pieces: Planes[] = [];
    for await (const planes of audio.pieces()) pieces.push(planes);
    return { sampleRateHz: audio.sampleRateHz, channels: joined(pieces, audio.channels) };
  });
}

function joined(pieces: readonly Planes[], channels: number): Float32Array[] {
  const length = pieces.reduce((sum, planes) => sum + (planes[0]?.length ?? 0), 0);
  return Array.from({ length: channels }, (_, channel) => {
    const whole = new Float32Array(length);
    let at = 0;
    for (const planes of pieces) {
      whole.set(planes[channel] as Float32Array, at);
      at += planes[channel]?.length ?? 0;
    }
    return whole;
  });
}
