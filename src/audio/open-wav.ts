import { say } from '../sentence.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { readAt, readFrames } from './read-frames.ts';
import { decodeFrames, readWavHead } from './read-wav.ts';
import type { SoundBytes } from './sound-bytes.ts';

/**
 * Heads are small; what is before the samples of a real file (pictures, cue points) may be large.
 */
const headBytesMax = 1 << 20;

export async function openWav(handle: SoundBytes, size: number, called: string): Promise<OpenedAudio> {
  const head = readWavHead(await readAt(handle, 0, Math.min(size, headBytesMax)));
  if (!head) throw unreadable(called, say`it ends before its samples begin`);
  const there = size - head.dataOffset;
  const { dataBytes = there } = head;
  if (dataBytes > there)
    throw unreadable(called, say`it declares ${dataBytes} bytes of samples and has ${there}: it is cut off`);
  if (dataBytes % head.frameBytes !== 0) throw unreadable(called, say`it ends within a sample: it is cut off`);
  return {
    format: 'wav',
    sampleRateHz: head.sampleRateHz,
    channels: head.channels,
    frames: dataBytes / head.frameBytes,
    toleranceFrames: 0,
    pieces: () => readFrames(handle, { ...head, dataBytes }, (bytes) => decodeFrames(head, bytes)),
  };
}
