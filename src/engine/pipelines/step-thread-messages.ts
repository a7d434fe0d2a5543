import type { CarriedError } from '../../threads/carried-error.ts';
import type { Tensor } from '../tensor.ts';
import type { Made } from './operations/operation.ts';
import type { OperationName } from './operations/operation-names.ts';

// What the service and its thread for operations say to each other.

export type ToStepThread = {
  readonly operation: OperationName;
  readonly inputs: readonly Tensor[];
  readonly how: unknown;
  readonly bytesMax: number;
};

export type FromStepThread =
  | { readonly kind: 'made'; readonly made: readonly Made[] }
  | { readonly kind: 'failed'; readonly failure: CarriedError };
