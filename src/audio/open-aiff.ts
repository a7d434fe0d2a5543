import { say } from '../sentence.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { readAt, readFrames } from './read-frames.ts';
import type { SoundBytes } from './sound-bytes.ts';

type Samples = { readonly bytes: 1 | 2 | 3 | 4 | 8; readonly read: (view: DataView, at: number) => number };

/** AIFF and uncompressed AIFC, whose samples stand with the highest byte first (`sowt`: last). */
export async function openAiff(handle: SoundBytes, size: number, called: string): Promise<OpenedAudio> {
  let common: { channels: number; frames: number; sampleRateHz: number; samples: Samples } | undefined;
  for (let at = 12; at + 8 <= size; ) {
    const chunk = await readAt(handle, at, 8);
    const name = chunk.toString('latin1', 0, 4);
    const length = chunk.length < 8 ? 0 : chunk.readUInt32BE(4);
    if (name === 'COMM') common = readCommon(await readAt(handle, at + 8, Math.min(length, 64)), called);
    if (name === 'SSND') {
      if (!common) throw unreadable(called, say`its samples come before their format`);
      const { channels, frames, sampleRateHz, samples } = common;
      const frameBytes = channels * samples.bytes;
      const start = await readAt(handle, at + 8, 8);
      if (start.length < 8) throw unreadable(called, say`it ends before its samples begin`);
      const dataOffset = at + 16 + start.readUInt32BE(0);
      const dataBytes = frames * frameBytes;
      const there = Math.min(size, at + 8 + length) - dataOffset;
      if (dataBytes > there)
        throw unreadable(called, say`it declares ${dataBytes} bytes of samples and has ${there}: it is cut off`);
      return {
        ...{ format: 'aiff', sampleRateHz, channels, frames, toleranceFrames: 0 },
        pieces: () =>
          readFrames(handle, { dataOffset, dataBytes, frameBytes }, (bytes) => decode(bytes, channels, samples)),
      };
    }
    at += 8 + length + (length % 2);
  }
  throw unreadable(called, say`it ends before its samples begin`);
}

function readCommon(bytes: Buffer, called: string) {
  if (bytes.length < 18) throw unreadable(called, say`its format is cut off`);
  const bits = bytes.readInt16BE(6);
  const compression = bytes.length >= 22 ? bytes.toString('latin1', 18, 22) : 'NONE';
  const samples = samplesOf(compression, bits);
  if (!samples)
    throw unreadable(
      called,
      say`its samples are ${JSON.stringify(compression)} with ${bits} bits; uncompressed ones of 8, 16, 24, 32 bits and floats are read`,
    );
  return { channels: bytes.readInt16BE(0), frames: bytes.readUInt32BE(2), sampleRateHz: extended(bytes, 8), samples };
}

function samplesOf(compression: string, bits: number): Samples | undefined {
  const bytes = Math.ceil(bits / 8);
  const little = compression === 'sowt';
  switch (compression) {
    case 'NONE':
    case 'twos':
    case 'sowt':
      if (bytes === 1) return { bytes, read: (view, at) => view.getInt8(at) / 2 ** 7 };
      if (bytes === 2) return { bytes, read: (view, at) => view.getInt16(at, little) / 2 ** 15 };
      if (bytes === 3 && !little)
        return { bytes, read: (view, at) => (view.getInt16(at) * 256 + view.getUint8(at + 2)) / 2 ** 23 };
      if (bytes === 4) return { bytes, read: (view, at) => view.getInt32(at, little) / 2 ** 31 };
      return undefined;
    case 'fl32':
    case 'FL32':
      return { bytes: 4, read: (view, at) => view.getFloat32(at) };
    case 'fl64':
    case 'FL64':
      return { bytes: 8, read: (view, at) => view.getFloat64(at) };
    default:
      return undefined;
  }
}

/** The sample rate: a float of 80 bits, of which a rate needs the exponent and the upper half. */
function extended(bytes: Buffer, at: number): number {
  const exponent = (bytes.readUInt16BE(at) & 0x7fff) - 16_383;
  return Math.round((bytes.readUInt32BE(at + 2) / 2 ** 31) * 2 ** exponent);
}

function decode(bytes: Uint8Array, channels: number, { bytes: width, read }: Samples): Float32Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = Math.floor(bytes.length / (channels * width));
  return Array.from({ length: channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0; frame < frames; frame += 1) samples[frame] = read(view, (frame * channels + channel) * width);
    return samples;
  });
}
