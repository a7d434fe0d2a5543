import { ServiceError } from '../errors.ts';
import { say } from '../sentence.ts';
import type { Audio } from './audio.ts';

export type WavEncoding = 'pcm16' | 'pcm24' | 'float32';

const bytesOf: Readonly<Record<WavEncoding, number>> = { pcm16: 2, pcm24: 3, float32: 4 };

/** A whole WAV file. Beyond full scale, PCM is clipped and float is not. */
export function writeWav(audio: Audio, encoding: WavEncoding = 'pcm16'): Uint8Array {
  const frames = audio.channels[0]?.length ?? 0;
  const head = wavHead({ encoding, channels: audio.channels.length, sampleRateHz: audio.sampleRateHz, frames });
  const file = new Uint8Array(wavBytes(encoding, audio.channels.length, frames));
  file.set(head);
  file.set(encodeFrames(audio.channels, encoding), head.length);
  return file;
}

/** How long the file will be: head, samples, and the byte that makes the length even. */
export function wavBytes(encoding: WavEncoding, channels: number, frames: number): number {
  const data = frames * channels * bytesOf[encoding];
  return headBytes(encoding) + data + (data % 2);
}

/**
 * The head of a file whose length is known before its samples are: they may follow piece by piece
 * from `encodeFrames`.
 */
export function wavHead(of: {
  encoding: WavEncoding;
  channels: number;
  sampleRateHz: number;
  frames: number;
}): Uint8Array {
  const { encoding, channels, sampleRateHz, frames } = of;
  const frameBytes = channels * bytesOf[encoding];
  const size = wavBytes(encoding, channels, frames);
  if (size > 2 ** 32 - 1) {
    throw new ServiceError(
      'invalid_input',
      say`Cannot write a WAV file of ${size} bytes: the format ends at 4 GiB; ask for pcm16, or send less.`,
    );
  }
  const float = encoding === 'float32';
  const head = new DataView(new ArrayBuffer(headBytes(encoding)));
  letters(head, 0, 'RIFF');
  head.setUint32(4, size - 8, true);
  letters(head, 8, 'WAVEfmt ');
  head.setUint32(16, float ? 18 : 16, true);
  head.setUint16(20, float ? 3 : 1, true);
  head.setUint16(22, channels, true);
  head.setUint32(24, sampleRateHz, true);
  head.setUint32(28, sampleRateHz * frameBytes, true);
  head.setUint16(32, frameBytes, true);
  head.setUint16(34, 8 * bytesOf[encoding], true);
  if (float) {
    // What is not PCM says how many frames it has.
    letters(head, 38, 'fact');
    head.setUint32(42, 4, true);
    head.setUint32(46, frames, true);
  }
  letters(head, head.byteLength - 8, 'data');
  head.setUint32(head.byteLength - 4, frames * frameBytes, true);
  return new Uint8Array(head.buffer);
}

/**
 * Samples as they stand in the file, interleaved. A file with an odd number of sample bytes (mono
 * pcm24) ends in a zero byte, which is the caller's.
 */
export function encodeFrames(channels: readonly Float32Array[], encoding: WavEncoding): Uint8Array {
  const width = bytesOf[encoding];
  const frames = channels[0]?.length ?? 0;
  const view = new DataView(new ArrayBuffer(frames * channels.length * width));
  const write = writers[encoding];
  channels.forEach((samples, channel) => {
    for (let frame = 0, at = channel * width; frame < frames; frame += 1, at += channels.length * width) {
      write(view, at, samples[frame] ?? 0);
    }
  });
  return new Uint8Array(view.buffer);
}

const writers: Readonly<Record<WavEncoding, (view: DataView, at: number, value: number) => void>> = {
  pcm16: (view, at, value) => view.setInt16(at, toInteger(value, 2 ** 15), true),
  pcm24: (view, at, value) => {
    const integer = toInteger(value, 2 ** 23);
    view.setUint8(at, integer & 255);
    view.setInt16(at + 1, integer >> 8, true);
  },
  float32: (view, at, value) => view.setFloat32(at, value, true),
};

/**
 * Rounds and clips; NaN becomes 0 where it is written. Math.round takes twice the time of this, and
 * every sample that goes out comes by here.
 */
function toInteger(value: number, fullScale: number): number {
  return Math.max(-fullScale, Math.min(fullScale - 1, Math.floor(value * fullScale + 0.5)));
}

function headBytes(encoding: WavEncoding): number {
  return encoding === 'float32' ? 58 : 44;
}

function letters(view: DataView, at: number, text: string): void {
  for (let index = 0; index < text.length; index += 1) view.setUint8(at + index, text.charCodeAt(index));
}
