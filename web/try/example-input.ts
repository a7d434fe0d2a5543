export type Tensor = { name: string; datatype: string; shape: readonly number[] };

export const fills = ['zeros', 'ones', 'random', 'sine'] as const;
export type Fill = (typeof fills)[number];

/** Half a megabyte of text: beyond this nobody edits it. */
const elementsMax = 200_000;

/** An input of the Open Inference Protocol with made-up values; open dimensions are 1. */
export function example({ name, datatype, shape }: Tensor, fill: Fill): Record<string, unknown> {
  const sizes = sizesOf(shape);
  // What is too short is refused with a sentence that says how many there must be.
  const data = Array.from({ length: Math.min(countOf(sizes), elementsMax) }, (_, place) =>
    madeUpValue(datatype, fill, place),
  );
  return { name, datatype, shape: sizes, data };
}

function madeUpValue(datatype: string, fill: Fill, place: number): number | boolean | string {
  if (datatype === 'BYTES') return '';
  const value = { zeros: 0, ones: 1, random: Math.random(), sine: Math.sin(place / 8) }[fill];
  if (datatype === 'BOOL') return value >= 0.5;
  // Four digits can be read.
  if (/^(FP|BF)/.test(datatype)) return Math.round(value * 1e4) / 1e4;
  return fill === 'random' || fill === 'sine' ? Math.round(Math.abs(value) * 9) : value;
}

export function sizesOf(shape: readonly number[]): number[] {
  return shape.map((size) => (size < 0 ? 1 : size));
}

export function countOf(sizes: readonly number[]): number {
  return sizes.reduce((product, size) => product * size, 1);
}
