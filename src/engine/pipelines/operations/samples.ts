import type { Form } from './operation.ts';

/** Why a tensor has no samples along its last axis; undefined: it has. */
export function whyNoSamples({ datatype, shape }: Form): string | undefined {
  if (datatype !== 'FP32') return `it takes FP32, and x is ${datatype}`;
  return shape.length === 0 ? 'x is a single number' : undefined;
}
