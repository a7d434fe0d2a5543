import type { z } from 'zod';
import type { TensorSpec } from '../../registry/tensor-spec.ts';
import type { Tensor } from '../../tensor.ts';

/** Type and shape of a tensor; a free size is -1. */
export type Form = Pick<TensorSpec, 'datatype' | 'shape'>;

/** What an operation makes of one of its outputs. */
export type Made = Pick<Tensor, 'datatype' | 'shape' | 'data'>;

/** Work of the service's own between the models of a pipeline. */
export type Operation<How> = {
  /** What a step may say under `with`. */
  readonly how: z.ZodType<How>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The outputs that follow from the inputs, in order; a text says what does not fit. */
  plan(inputs: readonly Form[], how: How): readonly Form[] | string;
  /**
   * Bytes that its outputs will take, before they are made; a text says why the tensors cannot be
   * taken.
   */
  bytes(inputs: readonly Tensor[], how: How): number | string;
  /** Nanoseconds that it is expected to take; what is longer is done in a thread. */
  cost(inputs: readonly Tensor[], how: How): number;
  /** `bytesMax`: what its outputs may take where that is not known before. */
  run(inputs: readonly Tensor[], how: How, bytesMax: number): readonly Made[] | Promise<readonly Made[]>;
};
