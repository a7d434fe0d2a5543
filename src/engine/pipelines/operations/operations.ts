import { argmax } from './argmax.ts';
import { decodePng } from './decode-png.ts';
import { decodeSound } from './decode-sound.ts';
import { encodePng } from './encode-png.ts';
import { encodeSound } from './encode-sound.ts';
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
  decode_sound: decodeSound as AnyOperation,
  encode_sound: encodeSound as AnyOperation,
  decode_png: decodePng as AnyOperation,
  encode_png: encodePng as AnyOperation,
};
