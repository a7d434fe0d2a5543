import type { Config } from '../config.ts';
import type { AudioLimits } from './open-audio.ts';

/** Limits for sounds that are scored or searched for speech as a whole. */
export function wholeSoundLimits(
  config: Pick<Config, 'audioChannelsMax' | 'audioSamplesMax' | 'scoreSecondsMax'>,
): AudioLimits {
  return { ...config, secondsMax: config.scoreSecondsMax, secondsSetting: 'VITRINE_SCORE_SECONDS_MAX' };
}

/** Of sounds that are separated: what goes in comes out again, piece by piece. */
export function separatedSoundLimits(
  config: Pick<Config, 'audioChannelsMax' | 'audioSamplesMax' | 'audioSecondsMax'>,
): AudioLimits {
  return { ...config, secondsMax: config.audioSecondsMax, secondsSetting: 'VITRINE_AUDIO_SECONDS_MAX' };
}
