import { open } from 'node:fs/promises';
import type { Config } from '../config.ts';
import { ServiceError } from '../errors.ts';
import { ours, say } from '../sentence.ts';
import { openAiff } from './open-aiff.ts';
import { openFlac } from './open-flac.ts';
import { openMp3 } from './open-mp3.ts';
import { openOgg } from './open-ogg.ts';
import { openWav } from './open-wav.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { peak } from './peak.ts';
import type { Planes } from './planes.ts';
import { afterId3Tag, readAt } from './read-frames.ts';
import { inMemory, type SoundBytes } from './sound-bytes.ts';

export type AudioLimits = Pick<Config, 'audioChannelsMax' | 'audioSamplesMax'> & {
  readonly secondsMax: number;
  readonly secondsSetting: string;
  /** Absent: VITRINE_AUDIO_SAMPLES_MAX. */
  readonly samplesSetting?: string;
};

const sampleRateHzMin = 4_000;
const sampleRateHzMax = 384_000;

/**
 * Integers that were written as floats reach 2³¹; beyond, squares of spectra leave the numbers that
 * models calculate with.
 */
const levelMax = 2 ** 32;

/**
 * Wherever a sound begins, these bytes say what it is; names and types that callers give are not
 * believed.
 */
const magicBytes = 12;

/**
 * Opens a sound by its content, hands it to `use`, and closes it. It refuses unknown formats,
 * absurd rates, too many channels, seconds or samples. It refuses samples that are no numbers, and
 * a length that differs from the declared one. Lengths are checked before and while decoding.
 * `name` is what messages call it.
 */
export async function withAudio<T>(
  file: { readonly path: string; readonly name: string },
  limits: AudioLimits,
  use: (audio: OpenedAudio) => Promise<T>,
): Promise<T> {
  const called = JSON.stringify(file.name.slice(0, 80));
  await using handle = await open(file.path);
  return await use(await openChecked(handle, limits, called));
}

/** The same of a sound in memory. */
export async function withSoundBytes<T>(
  bytes: Uint8Array,
  limits: AudioLimits,
  use: (audio: OpenedAudio) => Promise<T>,
): Promise<T> {
  return await use(await openChecked(inMemory(bytes), limits, '"bytes"'));
}

async function openChecked(handle: SoundBytes, limits: AudioLimits, called: string): Promise<OpenedAudio> {
  const audio = await openByContent(handle, called);
  checkHead(audio, limits, called);
  return { ...audio, pieces: () => checked(audio, limits, called) };
}

async function openByContent(handle: SoundBytes, called: string): Promise<OpenedAudio> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(magicBytes), 0, magicBytes, 0);
  const letters = buffer.toString('latin1', 0, bytesRead);
  const { size } = await handle.stat();
  if (size === 0) throw unreadable(called, say`it is empty`);
  if (letters.startsWith('RIFF') && letters.slice(8) === 'WAVE') return openWav(handle, size, called);
  if (letters.startsWith('fLaC')) return openFlac(handle, size, called, 0);
  if (letters.startsWith('OggS')) return openOgg(handle, size, called);
  if (letters.startsWith('FORM') && /^AIF[FC]$/.test(letters.slice(8))) return openAiff(handle, size, called);
  if (letters.startsWith('ID3')) {
    const begin = await afterId3Tag(handle);
    const isFlac = (await readAt(handle, begin, 4)).toString('latin1') === 'fLaC';
    return isFlac ? openFlac(handle, size, called, begin) : openMp3(handle, size, called);
  }
  if (buffer[0] === 0xff && ((buffer[1] ?? 0) & 0xe0) === 0xe0) return openMp3(handle, size, called);
  throw new ServiceError(
    'media_not_supported',
    say`Cannot read the file ${called}: its content is no sound that is known here; send wav, flac, mp3, ogg (Vorbis or Opus) or aiff.`,
  );
}

function checkHead({ sampleRateHz, channels, frames }: OpenedAudio, limits: AudioLimits, called: string): void {
  if (sampleRateHz < sampleRateHzMin || sampleRateHz > sampleRateHzMax)
    throw unreadable(
      called,
      say`it has ${sampleRateHz} samples a second; ${sampleRateHzMin} to ${sampleRateHzMax} are taken`,
    );
  if (channels < 1 || channels > limits.audioChannelsMax)
    throw unreadable(
      called,
      say`it has ${channels} channels; 1 to ${limits.audioChannelsMax} are taken (VITRINE_AUDIO_CHANNELS_MAX)`,
    );
  if (frames === 0) throw unreadable(called, say`there is no sound in it`);
  if (frames !== undefined) checkLength(frames, { sampleRateHz, channels }, limits, called);
}

/**
 * The one bound of what a sound may take: in time, and in samples of all channels, whatever its
 * rate.
 */
function checkLength(
  frames: number,
  { sampleRateHz, channels }: Pick<OpenedAudio, 'sampleRateHz' | 'channels'>,
  { secondsMax, secondsSetting, audioSamplesMax, samplesSetting = 'VITRINE_AUDIO_SAMPLES_MAX' }: AudioLimits,
  called: string,
): void {
  if (frames > secondsMax * sampleRateHz)
    throw new ServiceError(
      'audio_too_long',
      say`Cannot take the file ${called}: it is longer than ${secondsMax} s; send less, or raise ${ours(secondsSetting)}.`,
    );
  if (frames * channels > audioSamplesMax)
    throw new ServiceError(
      'audio_too_long',
      say`Cannot take the file ${called}: it has more than ${audioSamplesMax} samples in its ${channels} channels together; send less, at a lower rate or with fewer channels, or raise ${ours(samplesSetting)}.`,
    );
}

async function* checked(audio: OpenedAudio, limits: AudioLimits, called: string): AsyncGenerator<Planes> {
  let frames = 0;
  for await (const planes of audio.pieces()) {
    frames += planes[0]?.length ?? 0;
    checkLength(frames, audio, limits, called);
    const level = peak(planes);
    if (!Number.isFinite(level)) throw unreadable(called, say`it has samples that are no numbers (NaN or infinite)`);
    if (level > levelMax) throw unreadable(called, say`it has samples beyond ${levelMax} times full scale`);
    yield planes;
  }
  if (frames === 0) throw unreadable(called, say`there is no sound in it`);
  if (audio.frames !== undefined && Math.abs(frames - audio.frames) > audio.toleranceFrames)
    throw unreadable(called, say`it declares ${audio.frames} samples and holds ${frames}: it is cut off or damaged`);
}
