import { z } from 'zod';
import { ServiceError } from '../../../errors.ts';
import { type Pixels, readPng } from '../../../pictures/read-png.ts';
import { ours, say } from '../../../sentence.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({
  channels: z
    .literal([1, 3, 4])
    .default(3)
    .describe('1: grey. 3: red, green, blue; what is transparent is seen on black. 4: with opacity.'),
  channels_first: z
    .boolean()
    .default(false)
    .describe('[channels, height, width] instead of [height, width, channels].'),
});
type How = z.infer<typeof how>;

/** The bytes of a PNG as its pixels. */
export const decodePng: Operation<How> = {
  how,
  inputs: ['bytes'],
  outputs: ['pixels'],
  plan([bytes], { channels, channels_first: channelsFirst }) {
    const { datatype, shape } = bytes!;
    if (datatype !== 'UINT8' || shape.length !== 1) return `it takes UINT8 [-1], and bytes is ${datatype} [${shape}]`;
    return [{ datatype: 'UINT8', shape: channelsFirst ? [channels, -1, -1] : [-1, -1, channels] }];
  },
  // Nothing is known before its head is read, which bounds it.
  bytes: () => 0,
  cost: () => Number.POSITIVE_INFINITY,
  run([bytes], { channels, channels_first: channelsFirst }, bytesMax) {
    const read = readPng(bytes!.data as Uint8Array, Math.floor(bytesMax / 8));
    if (typeof read === 'string') throw unreadable(read);
    const { width, height } = read;
    const data = new Uint8Array(width * height * channels);
    for (let pixel = 0; pixel < width * height; pixel += 1)
      for (let channel = 0; channel < channels; channel += 1)
        data[channelsFirst ? channel * width * height + pixel : pixel * channels + channel] = shownValue(
          read,
          pixel,
          channel,
          channels,
        );
    return [{ datatype: 'UINT8', shape: channelsFirst ? [channels, height, width] : [height, width, channels], data }];
  },
};

function shownValue({ channels: given, data }: Pixels, pixel: number, channel: number, wanted: 1 | 3 | 4): number {
  const at = pixel * given;
  const opacity = given === 2 || given === 4 ? data[at + given - 1]! : 255;
  if (channel === 3) return opacity;
  const seen = wanted === 4 ? 1 : opacity / 255;
  if (given <= 2) return Math.round(data[at]! * seen);
  if (wanted > 1) return Math.round(data[at + channel]! * seen);
  // Grey as the eye weighs the colours (ITU-R BT.601).
  return Math.round((0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!) * seen);
}

function unreadable(why: string): ServiceError {
  return new ServiceError('invalid_input', say`Cannot read the picture: ${ours(why)}; send a whole PNG.`);
}
