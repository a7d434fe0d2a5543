import type { FileHandle } from 'node:fs/promises';
import decode, { type StreamDecoder } from 'audio-decode';
import type { Planes } from '../separation/separate-in-chunks.ts';
import { unreadable } from './open-audio.ts';
import { readAt } from './read-frames.ts';

/** What one bite of the file should come to when it is decoded: the next one is cut by how much the last one grew. */
const decodedBytesWanted = 4 * 2 ** 20;
const biteBytesMin = 1024;
const biteBytesMax = 65_536;

/** A compressed file, decoded bite by bite: small ones where a little makes a lot, so that a bomb does not go off at once. */
export async function* decodeStream(
  handle: FileHandle,
  codec: 'flac' | 'mp3' | 'oga' | 'opus',
  { begin = 0, size, channels, called }: { begin?: number; size: number; channels: number; called: string },
): AsyncGenerator<Planes> {
  const decoder: StreamDecoder = await decode[codec]();
  try {
    let bite = 4096;
    for (let at = begin; at < size; ) {
      const bytes = await readAt(handle, at, Math.min(bite, size - at));
      if (bytes.length === 0) break;
      at += bytes.length;
      const planes = widened(await decoder(bytes), channels);
      const grownBy = ((planes[0]?.length ?? 0) * channels * 4) / bytes.length;
      bite = Math.min(biteBytesMax, Math.max(biteBytesMin, Math.round(decodedBytesWanted / Math.max(1, grownBy))));
      if (planes.length > 0) yield planes;
    }
    const rest = widened(await decoder.flush(), channels);
    if (rest.length > 0) yield rest;
  } catch (cause) {
    // What the decoders throw are words of theirs about bytes of the caller's.
    if (cause instanceof Error && cause.name !== 'ServiceError')
      throw unreadable(called, `it cannot be decoded (${cause.message.slice(0, 100)})`);
    throw cause;
  } finally {
    decoder.free();
  }
}

/** The MP3 decoder gives one channel for as long as both are the same: the width of the file is the file's. */
function widened({ channelData }: { channelData: readonly Float32Array[] }, channels: number): Planes {
  const [first] = channelData;
  if (!first || first.length === 0) return [];
  return Array.from({ length: channels }, (_, channel) => channelData[channel] ?? first.slice());
}
