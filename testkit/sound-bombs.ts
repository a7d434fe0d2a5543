// Sounds that are small as files and large once decoded, written by hand.

type Sound = { readonly sampleRateHz: number; readonly channels: number; readonly seconds: number };

/** Most samples of a FLAC frame that decoders take. */
const flacFrameSamples = 65_535;

/**
 * FLAC whose frames are constant: 65 535 samples of each channel in 14 bytes and 3 a channel.
 * `declares` its length, or leaves it open.
 */
export function flacBomb({ sampleRateHz, channels, seconds, declares = true }: Sound & { declares?: boolean }): Buffer {
  const frames = Math.ceil((sampleRateHz * seconds) / flacFrameSamples);
  const samples = declares ? BigInt(frames * flacFrameSamples) : 0n;
  const head = Buffer.alloc(42);
  head.write('fLaC', 'latin1');
  head.set([0x80, 0, 0, 34], 4);
  head.writeUInt16BE(flacFrameSamples, 8);
  head.writeUInt16BE(flacFrameSamples, 10);
  head.writeBigUInt64BE(
    (BigInt(sampleRateHz) << 44n) | (BigInt(channels - 1) << 41n) | (15n << 36n) | (samples & 0xf_ffff_ffffn),
    18,
  );
  return Buffer.concat([
    head,
    ...Array.from({ length: frames }, (_, number) => constantFrame(number, sampleRateHz, channels)),
  ]);
}

/** All channels at a level of 64 steps of 2¹⁵, which is not silence. */
function constantFrame(number: number, sampleRateHz: number, channels: number): Buffer {
  const coded =
    number < 0x80
      ? [number]
      : number < 0x800
        ? [0xc0 | (number >> 6), 0x80 | (number & 63)]
        : [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63)];
  // Behind the number: the block's samples less one, and the rate in tens of hertz. 16 bits a sample.
  const head = [0xff, 0xf8, 0x7e, ((channels - 1) << 4) | 0x08, ...coded];
  for (const figure of [flacFrameSamples - 1, sampleRateHz / 10]) head.push(figure >> 8, figure & 255);
  const body = [...head, remainder(head, 8, 0x07)];
  for (let channel = 0; channel < channels; channel += 1) body.push(0x00, 0x00, 0x40);
  const check = remainder(body, 16, 0x8005);
  return Buffer.from([...body, check >> 8, check & 255]);
}

/**
 * Opus whose packets say nothing: 120 ms of every channel in 2 bytes and 1 of the page, all
 * channels from one stream.
 */
export function opusBomb({ channels, seconds }: Omit<Sound, 'sampleRateHz'>): Buffer {
  const head = Buffer.alloc(21 + channels);
  head.write('OpusHead\x01', 'latin1');
  head[9] = channels;
  head.writeUInt32LE(48_000, 12);
  // Mapping family 255, one coupled stream, and each channel is one of its two.
  head.set([255, 1, 1], 18);
  for (let channel = 0; channel < channels; channel += 1) head[21 + channel] = channel % 2;
  const tags = Buffer.from('OpusTags\0\0\0\0\0\0\0\0', 'latin1');
  // CELT, 20 ms, stereo, several frames of one size: six, all empty.
  const packet = Buffer.of((31 << 3) | 0b111, 6);
  const packets = Math.ceil(seconds / 0.12);
  const pages = [oggPage([head], 0, 0, 2), oggPage([tags], 1, 0, 0)];
  for (let done = 0; done < packets; done += 255) {
    const here = Math.min(255, packets - done);
    const isLast = done + here === packets;
    pages.push(
      oggPage(
        Array.from({ length: here }, () => packet),
        pages.length,
        (done + here) * 5760,
        isLast ? 4 : 0,
      ),
    );
  }
  return Buffer.concat(pages);
}

function oggPage(packets: readonly Buffer[], number: number, granule: number, flags: number): Buffer {
  const head = Buffer.alloc(27);
  head.write('OggS', 'latin1');
  head[5] = flags;
  head.writeBigInt64LE(BigInt(granule), 6);
  head.writeUInt32LE(7, 14);
  head.writeUInt32LE(number, 18);
  head[26] = packets.length;
  const page = Buffer.concat([head, Buffer.from(packets.map(({ length }) => length)), ...packets]);
  page.writeUInt32LE(remainder(page, 32, 0x04c1_1db7), 22);
  return page;
}

/** The cyclic checksum of FLAC's frames and Ogg's pages, by its polynomial. */
function remainder(bytes: Iterable<number>, bits: 8 | 16 | 32, polynomial: number): number {
  const top = 2 ** (bits - 1);
  const all = 2 ** bits;
  let value = 0;
  for (const byte of bytes) {
    value = (value ^ (byte * 2 ** (bits - 8))) >>> 0;
    for (let bit = 0; bit < 8; bit += 1) {
      const isSet = value >= top;
      value = (value * 2) % all;
      if (isSet) value = (value ^ polynomial) >>> 0;
    }
  }
  return value;
}
