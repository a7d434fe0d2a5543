import type { Audio } from '../../src/audio/audio.ts';
import { withAudio } from '../../src/audio/open-audio.ts';
import type { Planes } from '../../src/audio/planes.ts';
import { wholeSoundLimits } from '../../src/audio/sound-limits.ts';
import type { Config } from '../../src/config.ts';

/** A whole sound in memory, to compare it. */
export async function readWhole(
  file: { readonly path: string; readonly name: string },
  config: Pick<Config, 'audioChannelsMax' | 'audioSamplesMax' | 'scoreSecondsMax'>,
): Promise<Audio> {
  return await withAudio(file, wholeSoundLimits(config), async (audio) => {
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
