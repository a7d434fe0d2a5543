import type { SequenceCall } from '../../engine/inference.ts';
import type { Tensor } from '../../engine/tensor.ts';

/** Tensors; or Triton's generate, each input under its own name, with one answer or with events. */
export type InferForm = 'infer' | 'generate' | 'generate_stream';

/** An inference request as it was read: tensors, and how the answer is wanted. */
export type InferCall = {
  /** Echoed; may be empty; undefined where the caller gave none. */
  readonly id: string | undefined;
  readonly inputs: readonly Tensor[];
  /** Names of the outputs wanted, in that order; undefined: all of them. */
  readonly outputs: readonly string[] | undefined;
  /** Which outputs travel as binary data: those named, and the rest by the default. */
  readonly binary: { readonly byDefault: boolean; readonly byName: ReadonlyMap<string, boolean> | undefined };
  /** 1 is the most urgent; 0: the model's default. */
  readonly priority: number;
  /** Microseconds; 0: none. */
  readonly timeoutUs: number;
  readonly sequence?: SequenceCall | undefined;
  /** The head of the last answer to a call of the same form; absent where a form is met once. */
  readonly lastHead?: AnswerHead;
};

/**
 * What an answer's JSON was and what it was written for: calls of one form, of one model, with
 * outputs of one size have the same.
 */
export type AnswerHead = {
  model: object | undefined;
  shapes: readonly (readonly number[])[];
  sizes: readonly number[];
  /** Its bytes, one a character. */
  text: string;
};
