import { say } from '../sentence.ts';
import { type CompressedFormat, cutBites, headBytesMax } from './cut-bites.ts';
import { unreadable } from './opened-audio.ts';
import type { Planes } from './planes.ts';
import { readAt } from './read-frames.ts';
import type { SoundBytes } from './sound-bytes.ts';

const blockBytes = 65_536;

type Decoder = {
  decode(bytes: Uint8Array): { channelData: readonly Float32Array[] };
  flush?(): { channelData: readonly Float32Array[] };
  free(): void;
};

/** Loaded when a file of the format comes. */
const decoders = {
  flac: () => import('@audio/decode-flac'),
  mp3: () => import('@audio/decode-mp3'),
  oga: () => import('@audio/decode-vorbis'),
  opus: () => import('@audio/decode-opus'),
} as const satisfies Record<CompressedFormat, () => Promise<{ decoder: () => Promise<Decoder> }>>;

/** A compressed file, decoded bite by bite: each is small where a little makes a lot. */
export async function* decodeStream(
  handle: SoundBytes,
  format: CompressedFormat,
  { begin = 0, size, channels, called }: { begin?: number; size: number; channels: number; called: string },
): AsyncGenerator<Planes> {
  const { decoder: open } = await decoders[format]();
  const decoder: Decoder = await open();
  try {
    for (let at = begin; at < size; at += blockBytes) {
      const block = await readAt(handle, at, Math.min(blockBytes + headBytesMax, size - at));
      let from = 0;
      for (const end of cutBites(format, block, Math.min(blockBytes, block.length), channels)) {
        const planes = widened(decoder.decode(block.subarray(from, end)), channels);
        from = end;
        if (planes.length > 0) yield planes;
      }
    }
    const rest = widened(decoder.flush?.() ?? { channelData: [] }, channels);
    if (rest.length > 0) yield rest;
  } catch (cause) {
    // What the decoders throw are words of theirs about bytes of the caller's.
    if (cause instanceof Error && cause.name !== 'ServiceError')
      throw unreadable(called, say`it cannot be decoded (${cause.message.slice(0, 100)})`);
    throw cause;
  } finally {
    decoder.free();
  }
}

/** The MP3 decoder gives two channels for one: the width of the file is the file's. */
function widened({ channelData }: { channelData: readonly Float32Array[] }, channels: number): Planes {
  const [first] = channelData;
  if (!first || first.length === 0) return [];
  return Array.from({ length: channels }, (_, channel) => channelData[channel] ?? first.slice());
}
