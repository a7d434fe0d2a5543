import { z } from 'zod';
import { encodePng as writePng } from '../../../pictures/png.ts';
import type { Operation } from './operation.ts';

const how = z.strictObject({});

/** Pixels as the bytes of a PNG. */
export const encodePng: Operation<z.infer<typeof how>> = {
  how,
  inputs: ['pixels'],
  outputs: ['bytes'],
  plan([pixels]) {
    const { datatype, shape } = pixels!;
    const channels = shape.at(-1)!;
    if (datatype !== 'UINT8' || shape.length !== 3 || ![-1, 1, 3, 4].includes(channels))
      return `it takes UINT8 [height, width, 1, 3 or 4], and pixels is ${datatype} [${shape}]`;
    return [{ datatype: 'UINT8', shape: [-1] }];
  },
  bytes([pixels]) {
    const [height, width, channels] = pixels!.shape as [number, number, number];
    if (![1, 3, 4].includes(channels))
      return `pixels [${pixels!.shape}] has ${channels} channels, and 1, 3 or 4 are written`;
    if (height === 0 || width === 0) return `pixels [${pixels!.shape}] is empty`;
    // What cannot be packed is a little larger than it was.
    return Math.ceil((width * channels + 1) * height * 1.001) + 1024;
  },
  cost: ([pixels]) => pixels!.data.length * 30,
  run([pixels]) {
    const [height, width, channels] = pixels!.shape as [number, number, 1 | 3 | 4];
    const bytes = new Uint8Array(writePng(width, height, pixels!.data as Uint8Array, channels));
    return [{ datatype: 'UINT8', shape: [bytes.length], data: bytes }];
  },
};
