export type CompressedFormat = 'flac' | 'mp3' | 'oga' | 'opus';

/**
 * Samples, all channels together, that one bite may make: 4 MB of floats. A single frame or page
 * may make more.
 */
const samplesOfBiteMax = 2 ** 20;

/** The head of a frame or page is at most this long, so a bite can be cut before it is read. */
export const headBytesMax = 512;

/**
 * Cuts the first `length` bytes of a block into bites for a decoder and answers where each ends.
 * What a bite can make is bounded from the heads of the frames or pages that begin in it, before it
 * is decoded: a bomb of 36 bytes a frame cannot go off at once. The bound counts every place that
 * looks like a head, so a decoder that finds its way differently makes less, never more. The block
 * goes on for `headBytesMax` behind the length, or it is the last.
 */
export function* cutBites(
  format: CompressedFormat,
  block: Buffer,
  length: number,
  channels: number,
): Generator<number> {
  if (format === 'mp3') {
    for (let end = mp3BiteBytes; end < length; end += mp3BiteBytes) yield end;
    if (length > 0) yield length;
    return;
  }
  const { mark, samplesMax } = heads[format];
  let from = 0;
  let samples = 0;
  for (let at = block.indexOf(mark); at >= 0 && at < length; at = block.indexOf(mark, at + 1)) {
    const most = samplesMax(block, at, channels);
    if (samples + most > samplesOfBiteMax && at > from && samples > 0) {
      yield at;
      from = at;
      samples = 0;
    }
    samples += most;
  }
  if (length > from) yield length;
}

/**
 * MPEG 2, layer 3, at 8 kbit/s: 576 samples of two channels in 24 bytes, which is the most of all
 * layers and rates.
 */
const mp3BiteBytes = Math.floor(samplesOfBiteMax / 48);

type Head = { readonly mark: Buffer; samplesMax(block: Buffer, at: number, channels: number): number };

const heads: Readonly<Record<Exclude<CompressedFormat, 'mp3'>, Head>> = {
  // The sync code has 15 bits; the second byte is looked at with the rest.
  flac: { mark: Buffer.of(0xff), samplesMax: flacFrameSamplesMax },
  // A packet of Opus lasts at most 120 ms; one of Vorbis adds at most half a block of 8192.
  opus: { mark: Buffer.from('OggS'), samplesMax: oggPageSamplesMax(5760, 'OpusHead', 9) },
  oga: { mark: Buffer.from('OggS'), samplesMax: oggPageSamplesMax(4096, '\x01vorbis', 11) },
};

/**
 * A page has at most as many packets as it has segments. Streams may follow each other in a file: a
 * later one must not be wider than the first.
 */
function oggPageSamplesMax(framesOfPacketMax: number, magic: string, channelsAt: number): Head['samplesMax'] {
  return (block, at, channels) => {
    const segments = block[at + 26] ?? 0;
    const packet = at + 27 + segments;
    const begins = block.toString('latin1', packet, packet + magic.length) === magic;
    if (begins && (block[packet + channelsAt] ?? 0) > channels)
      throw new Error('a later stream has more channels than the first');
    return segments * framesOfPacketMax * channels;
  };
}

/**
 * What the head of a frame says, rounded up where the figure itself comes later; 0 where no frame
 * can begin.
 */
function flacFrameSamplesMax(block: Buffer, at: number): number {
  if (((block[at + 1] ?? 0) & 0xfe) !== 0xf8) return 0;
  const size = (block[at + 2] ?? 0) >> 4;
  const layout = (block[at + 3] ?? 0) >> 4;
  return flacBlockMax(size) * (layout < 8 ? layout + 1 : 2);
}

function flacBlockMax(size: number): number {
  if (size === 1) return 192;
  if (size >= 2 && size <= 5) return 576 << (size - 2);
  if (size === 6) return 256;
  return size >= 8 ? 256 << (size - 8) : 65_536;
}
