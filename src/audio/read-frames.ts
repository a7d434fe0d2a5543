import type { Planes } from './planes.ts';
import type { SoundBytes } from './sound-bytes.ts';

/** Samples of each channel in one piece. */
const pieceFrames = 65_536;

/** The samples of an uncompressed file, piece by piece. */
export async function* readFrames(
  handle: SoundBytes,
  { dataOffset, dataBytes, frameBytes }: { dataOffset: number; dataBytes: number; frameBytes: number },
  decode: (bytes: Uint8Array) => Planes,
): AsyncGenerator<Planes> {
  for (let at = 0; at < dataBytes; at += pieceFrames * frameBytes) {
    const bytes = await readAt(handle, dataOffset + at, Math.min(pieceFrames * frameBytes, dataBytes - at));
    yield decode(bytes);
  }
}

/** So many bytes from a place in the file, or as many as there are. */
export async function readAt(handle: SoundBytes, position: number, length: number): Promise<Buffer> {
  const block = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(block, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return block.subarray(0, filled);
}

/** Where the sound begins behind a tag that MP3 files, and some FLAC files, begin with. */
export async function afterId3Tag(handle: SoundBytes): Promise<number> {
  const head = await readAt(handle, 0, 10);
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return 0;
  return 10 + head.subarray(6, 10).reduce((sum, byte) => sum * 128 + (byte & 127), 0);
}
