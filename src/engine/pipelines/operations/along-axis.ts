import { elementsOf } from '../../tensor.ts';

/** How the elements along one axis lie: `count` of them, `stride` apart, from each of `starts`. */
export type Lines = { readonly count: number; readonly stride: number; readonly outer: number };

/** Undefined where there is no such axis. Negative axes count from the last. */
export function placeOfAxis(shape: readonly number[], axis: number): number | undefined {
  const place = axis < 0 ? shape.length + axis : axis;
  return place >= 0 && place < shape.length ? place : undefined;
}

export function noAxis(axis: number, shape: readonly number[]): string {
  return `there is no axis ${axis} in the shape [${shape}]`;
}

export function linesAlong(shape: readonly number[], axis: number): Lines {
  const place = placeOfAxis(shape, axis)!;
  return {
    count: shape[place]!,
    stride: elementsOf(shape.slice(place + 1)),
    outer: elementsOf(shape.slice(0, place)),
  };
}

/** Where each line begins, in the order of the tensor without its axis. */
export function* startsOf({ count, stride, outer }: Lines): Generator<number> {
  for (let block = 0; block < outer; block += 1)
    for (let inner = 0; inner < stride; inner += 1) yield block * count * stride + inner;
}

/** The shape with another size in one place, or without it. */
export function withSize(shape: readonly number[], axis: number, size: number | undefined): number[] {
  const place = placeOfAxis(shape, axis)!;
  return [...shape.slice(0, place), ...(size === undefined ? [] : [size]), ...shape.slice(place + 1)];
}
