import { ServiceError } from '../errors.ts';
import { type Sentence, say } from '../sentence.ts';
import type { Planes } from './planes.ts';

/** A sound in a file, before it is decoded. */
export type OpenedAudio = {
  readonly format: AudioFormat;
  readonly sampleRateHz: number;
  readonly channels: number;
  /** Samples of each channel by what the file says of itself; undefined where it says nothing. */
  readonly frames: number | undefined;
  /** How far the decoded length may be off what is declared: lossy formats pad. */
  readonly toleranceFrames: number;
  /** All samples, in pieces, read and decoded only as they are taken. */
  pieces(): AsyncGenerator<Planes>;
};

export type AudioFormat = 'wav' | 'flac' | 'mp3' | 'ogg' | 'aiff';

export function unreadable(called: string, why: Sentence): ServiceError {
  return new ServiceError('invalid_audio', say`Cannot read the file ${called}: ${why}; send a whole, valid one.`);
}
