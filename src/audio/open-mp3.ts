import { say } from '../sentence.ts';
import { decodeStream } from './decode-stream.ts';
import { type OpenedAudio, unreadable } from './opened-audio.ts';
import { afterId3Tag, readAt } from './read-frames.ts';
import type { SoundBytes } from './sound-bytes.ts';

type Frame = {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly samples: number;
  readonly bytes: number;
  readonly sideBytes: number;
};

/**
 * MP3 has no header: one walk over the frames counts them and finds whether the last is whole.
 * The first frame may declare how many there should be (Xing, Info).
 */
export async function openMp3(handle: SoundBytes, size: number, called: string): Promise<OpenedAudio> {
  const begin = await afterId3Tag(handle);
  const walk = new Walk(handle, size);
  const head = await walk.bytes(begin, 4);
  const first = readFrame(head);
  if (!first) throw unreadable(called, say`it has no MP3 frame where one should be`);
  let frames = 0;
  let at = begin;
  for (;;) {
    const frame = readFrame(await walk.bytes(at, 4));
    if (!frame) break;
    if (at + frame.bytes > size) throw unreadable(called, say`its last frame is not whole: it is cut off`);
    frames += 1;
    at += frame.bytes;
  }
  const info = await walk.bytes(begin + 4 + first.sideBytes, 12);
  const isInfo = info.length === 12 && /^(Xing|Info)$/.test(info.toString('latin1', 0, 4));
  const declared = isInfo && ((info[7] ?? 0) & 1) === 1 ? info.readUInt32BE(8) : undefined;
  const walked = frames - (isInfo ? 1 : 0);
  if (declared !== undefined && walked < declared)
    throw unreadable(called, say`it declares ${declared} frames and holds ${walked}: it is cut off`);
  return {
    format: 'mp3',
    sampleRateHz: first.sampleRateHz,
    channels: first.channels,
    frames: (declared ?? walked) * first.samples,
    // Decoders begin with a frame or two of silence, or leave them out.
    toleranceFrames: 4 * first.samples,
    pieces: () => decodeStream(handle, 'mp3', { size, channels: first.channels, called }),
  };
}

/** Reads a file forward, a block at a time. */
class Walk {
  readonly #handle: SoundBytes;
  readonly #size: number;
  #block: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(handle: SoundBytes, size: number) {
    this.#handle = handle;
    this.#size = size;
  }

  async bytes(at: number, length: number): Promise<Buffer> {
    if (at < this.#from || at + length > this.#from + this.#block.length) {
      this.#from = at;
      this.#block = await readAt(this.#handle, at, Math.max(0, Math.min(1 << 18, this.#size - at)));
    }
    return this.#block.subarray(at - this.#from, at - this.#from + length);
  }
}

const bitrates: Readonly<Record<'full' | 'low', readonly number[]>> = {
  full: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  low: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

/**
 * The head of a frame of MPEG 1, 2 or 2.5, layer 3, with a bit rate of its own; undefined for
 * anything else.
 */
function readFrame(head: Buffer): Frame | undefined {
  if (head.length < 4) return undefined;
  const word = head.readUInt32BE(0);
  if (word >>> 21 !== 0x7ff) return undefined;
  const version = (word >>> 19) & 3;
  const layer = (word >>> 17) & 3;
  const rate = [44_100, 48_000, 32_000][(word >>> 10) & 3];
  const isFull = version === 3;
  const kilobits = bitrates[isFull ? 'full' : 'low'][(word >>> 12) & 15];
  if (version === 1 || layer !== 1 || rate === undefined || !kilobits) return undefined;
  const sampleRateHz = isFull ? rate : version === 2 ? rate / 2 : rate / 4;
  const samples = isFull ? 1152 : 576;
  const padding = (word >>> 9) & 1;
  const channels = ((word >>> 6) & 3) === 3 ? 1 : 2;
  const sideBytes = isFull ? (channels === 1 ? 17 : 32) : channels === 1 ? 9 : 17;
  return {
    sampleRateHz,
    channels,
    samples,
    bytes: Math.floor((samples * 125 * kilobits) / sampleRateHz) + padding,
    sideBytes,
  };
}
