import { say } from '../sentence.ts';
import { decodeStream } from './decode-stream.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { readAt } from './read-frames.ts';
import type { SoundBytes } from './sound-bytes.ts';

const pageBytesMax = 27 + 255 + 255 * 255;

/** Vorbis or Opus in Ogg: the first page says which, the last how long. */
export async function openOgg(handle: SoundBytes, size: number, called: string): Promise<OpenedAudio> {
  const first = await readAt(handle, 0, Math.min(size, 4096));
  const packet = first.subarray(27 + (first[26] ?? 0));
  const isOpus = packet.toString('latin1', 0, 8) === 'OpusHead';
  if (!isOpus && packet.toString('latin1', 0, 7) !== '\x01vorbis')
    throw unreadable(called, say`what is in its Ogg pages is neither Vorbis nor Opus`);
  if (packet.length < 19) throw unreadable(called, say`it ends before its samples begin`);
  const channels = packet[isOpus ? 9 : 11] as number;
  const end = await endOf(handle, size, called);
  const skipped = isOpus ? packet.readUInt16LE(10) : 0;
  return {
    format: 'ogg',
    sampleRateHz: isOpus ? 48_000 : packet.readUInt32LE(12),
    channels,
    frames: Math.max(0, end - skipped),
    // Opus frames are up to 120 ms; how the last is trimmed is the decoder's affair.
    toleranceFrames: isOpus ? 5760 : 0,
    pieces: () => decodeStream(handle, isOpus ? 'opus' : 'oga', { size, channels, called }),
  };
}

/**
 * Where the last page says that the sound ends. A file that was cut off has none that is whole and
 * says it is the last.
 */
async function endOf(handle: SoundBytes, size: number, called: string): Promise<number> {
  const from = Math.max(0, size - pageBytesMax);
  const tail = await readAt(handle, from, size - from);
  const at = tail.lastIndexOf('OggS');
  const segments = at < 0 ? 0 : (tail[at + 26] ?? 0);
  const body = tail.subarray(at + 27, at + 27 + segments).reduce((sum, length) => sum + length, 0);
  const isWhole = at >= 0 && at + 27 + segments + body <= tail.length;
  if (!isWhole || ((tail[at + 5] as number) & 4) === 0)
    throw unreadable(called, say`it has no last page: it is cut off`);
  return Number(tail.readBigInt64LE(at + 6));
}
