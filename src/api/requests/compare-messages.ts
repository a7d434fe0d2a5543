import type { Compared, Comparison } from '../../observe/compare/compare-requests.ts';
import type { CarriedError } from '../../threads/carried-error.ts';

// What the service and the thread that compares say to each other.

export type ToCompareThread = Comparison;

export type FromCompareThread =
  | { readonly kind: 'compared'; readonly compared: Compared }
  | { readonly kind: 'failed'; readonly failure: CarriedError };
