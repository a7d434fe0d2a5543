import type { WavEncoding } from '../audio/write-wav.ts';

/** What a sound is, before its first sample. */
export type SoundHead = {
  readonly encoding: WavEncoding;
  readonly channels: number;
  readonly sampleRateHz: number;
  /** Undefined where it is not known before the end. */
  readonly frames: number | undefined;
};

/**
 * A WAV file that a task is writing: its first `bytes` stand as they will stand at the end, of these
 * `headBytes` only where the number of frames is known.
 */
export type GrowingSound = {
  readonly file: string;
  readonly head: SoundHead;
  readonly headBytes: number;
  readonly bytes: number;
};
