import { say } from '../sentence.ts';
import { decodeStream } from './decode-stream.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { readAt } from './read-frames.ts';
import type { SoundBytes } from './sound-bytes.ts';

/** FLAC says everything in the block that must come first, the length too (0: not known). */
export async function openFlac(handle: SoundBytes, size: number, called: string, begin: number): Promise<OpenedAudio> {
  const head = await readAt(handle, begin, 42);
  if (head.length < 42 || ((head[4] as number) & 0x7f) !== 0)
    throw unreadable(called, say`it ends before its samples begin`);
  const packed = head.readBigUInt64BE(18);
  const channels = Number((packed >> 41n) & 7n) + 1;
  const frames = Number(packed & 0xf_ffff_ffffn);
  const bits = Number((packed >> 36n) & 31n) + 1;
  // The decoder takes the largest positive number for full scale, as nobody else does: from a WAV
  // file the same samples would come out lower.
  const largest = 2 ** (bits - 1) - 1;
  return {
    format: 'flac',
    sampleRateHz: Number(packed >> 44n),
    channels,
    frames: frames === 0 ? undefined : frames,
    toleranceFrames: 0,
    pieces: async function* () {
      for await (const planes of decodeStream(handle, 'flac', { begin, size, channels, called })) {
        for (const plane of planes)
          for (let at = 0; at < plane.length; at += 1)
            plane[at] = Math.round((plane[at] as number) * largest) / (largest + 1);
        yield planes;
      }
    },
  };
}
