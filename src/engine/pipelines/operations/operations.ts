import { argmax } from './argmax.ts';
import { normalise } from './normalise.ts';
import type { Operation } from './operation.ts';
import type { OperationName } from './operation-names.ts';
import { resample } from './resample.ts';
import { softmax } from './softmax.ts';
import { topK } from './top-k.ts';
import { window } from './window.ts';

/** What is asked of an operation when its `with` has been checked by its own schema. */
export type AnyOperation = Operation<unknown>;

export const operations: Readonly<Record<OperationName, AnyOperation>> = {
  resample: resample as AnyOperation,
  window: window as AnyOperation,
  normalise: normalise as AnyOperation,
  softmax: softmax as AnyOperation,
  argmax: argmax as AnyOperation,
  top_k: topK as AnyOperation,
};
