import type { Packing } from './inflate-body.ts';

/** Which packing the caller would rather have, by Accept-Encoding; undefined: none. */
export function acceptedPacking(acceptEncoding: string | undefined): Packing | undefined {
  if (acceptEncoding === undefined) return undefined;
  let best: Packing | undefined;
  let bestWeight = 0;
  for (const entry of acceptEncoding.split(',', 16)) {
    const [name, ...parameters] = entry.split(';', 4).map((part) => part.trim().toLowerCase());
    if (name !== 'gzip' && name !== 'deflate') continue;
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = given === undefined ? 1 : Number(given.slice(2));
    if (weight > bestWeight) {
      best = name;
      bestWeight = weight;
    }
  }
  return best;
}
