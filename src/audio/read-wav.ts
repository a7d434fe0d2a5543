import { ServiceError } from '../errors.ts';
import { type Sentence, say } from '../sentence.ts';
import type { Audio } from './audio.ts';

export type SampleEncoding = 'pcm8' | 'pcm16' | 'pcm24' | 'pcm32' | 'float32' | 'float64';

export type WavHead = {
  readonly encoding: SampleEncoding;
  readonly channels: number;
  readonly sampleRateHz: number;
  /** Bytes of one sample of every channel. */
  readonly frameBytes: number;
  /**
   * Where the samples begin, and how many bytes of them the file says it has; undefined: all there
   * are.
   */
  readonly dataOffset: number;
  readonly dataBytes: number | undefined;
};

export const sampleBytes: Readonly<Record<SampleEncoding, number>> = {
  pcm8: 1,
  pcm16: 2,
  pcm24: 3,
  pcm32: 4,
  float32: 4,
  float64: 8,
};

/**
 * A whole WAV file. One that holds fewer samples than it declares is refused: half a sound is not
 * the sound that was meant.
 */
export function readWav(bytes: Uint8Array): Audio {
  const head = readWavHead(bytes);
  if (!head) throw unreadable(say`it ends before its samples begin`);
  const there = bytes.length - head.dataOffset;
  const { dataBytes = there } = head;
  if (dataBytes > there) throw unreadable(say`it declares ${dataBytes} bytes of samples and has ${there}`);
  return {
    sampleRateHz: head.sampleRateHz,
    channels: decodeFrames(head, bytes.subarray(head.dataOffset, head.dataOffset + dataBytes)),
  };
}

/** The head of a WAV file from its first bytes; undefined while more of them are needed. */
export function readWavHead(bytes: Uint8Array): WavHead | undefined {
  if (bytes.length < 12) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (fourLetters(view, 0) !== 'RIFF' || fourLetters(view, 8) !== 'WAVE')
    throw unreadable(say`it does not begin with RIFF and WAVE`);
  let format: Omit<WavHead, 'dataOffset' | 'dataBytes'> | undefined;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = fourLetters(view, at);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (name === 'fmt ') {
      if (start + Math.min(size, 40) > bytes.length) return undefined;
      format = readFormat(view, start, size);
    } else if (name === 'data') {
      if (!format) throw unreadable(say`its samples come before their format`);
      // Who writes into a pipe does not know the length: all that follows are samples.
      if (size === 0xffff_ffff) return { ...format, dataOffset: start, dataBytes: undefined };
      if (size % format.frameBytes !== 0) throw unreadable(say`its samples do not make whole frames`);
      return { ...format, dataOffset: start, dataBytes: size };
    }
    // Chunks begin at even positions.
    at = start + size + (size % 2);
  }
  return undefined;
}

/** Whole frames of interleaved samples to one array a channel. */
export function decodeFrames(head: WavHead, bytes: Uint8Array): Float32Array[] {
  const frames = Math.floor(bytes.length / head.frameBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[head.encoding];
  const width = sampleBytes[head.encoding];
  return Array.from({ length: head.channels }, (_, channel) => {
    const samples = new Float32Array(frames);
    for (let frame = 0, at = channel * width; frame < frames; frame += 1, at += head.frameBytes) {
      samples[frame] = read(view, at);
    }
    return samples;
  });
}

const readers: Readonly<Record<SampleEncoding, (view: DataView, at: number) => number>> = {
  pcm8: (view, at) => (view.getUint8(at) - 128) / 128,
  pcm16: (view, at) => view.getInt16(at, true) / 2 ** 15,
  pcm24: (view, at) => (view.getInt16(at + 1, true) * 256 + view.getUint8(at)) / 2 ** 23,
  pcm32: (view, at) => view.getInt32(at, true) / 2 ** 31,
  float32: (view, at) => view.getFloat32(at, true),
  float64: (view, at) => view.getFloat64(at, true),
};

function readFormat(view: DataView, at: number, size: number): Omit<WavHead, 'dataOffset' | 'dataBytes'> {
  if (size < 16) throw unreadable(say`its format is cut off`);
  const [pcm, float, extensible] = [1, 3, 0xfffe];
  const tag = view.getUint16(at, true);
  const channels = view.getUint16(at + 2, true);
  const sampleRateHz = view.getUint32(at + 4, true);
  const frameBytes = view.getUint16(at + 12, true);
  const bits = view.getUint16(at + 14, true);
  // The extensible format says the real one in the first two bytes of an identifier further on.
  if (tag === extensible && size < 40) throw unreadable(say`its format is cut off`);
  const kind = tag === extensible ? view.getUint16(at + 24, true) : tag;
  const encoding = (
    kind === pcm
      ? { 8: 'pcm8', 16: 'pcm16', 24: 'pcm24', 32: 'pcm32' }
      : kind === float
        ? { 32: 'float32', 64: 'float64' }
        : {}
  ) as Record<number, SampleEncoding>;
  const found = encoding[bits];
  if (!found)
    throw unreadable(
      say`its samples are of format ${kind} with ${bits} bits; PCM of 8, 16, 24 or 32 bits and floats of 32 or 64 are read`,
    );
  if (channels === 0 || sampleRateHz === 0) throw unreadable(say`it has ${channels} channels at ${sampleRateHz} Hz`);
  if (frameBytes !== channels * sampleBytes[found]) throw unreadable(say`its format contradicts itself`);
  return { encoding: found, channels, sampleRateHz, frameBytes };
}

function fourLetters(view: DataView, at: number): string {
  return String.fromCharCode(view.getUint8(at), view.getUint8(at + 1), view.getUint8(at + 2), view.getUint8(at + 3));
}

function unreadable(why: Sentence): ServiceError {
  return new ServiceError('invalid_audio', say`Cannot read the WAV file: ${why}; send a whole, uncompressed one.`);
}
