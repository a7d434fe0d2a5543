import type { ManifestOfInputs } from '../../engine/check-inputs.ts';
import type { Tensor } from '../../engine/tensor.ts';
import type { CarriedError } from '../../threads/carried-error.ts';
import type { InferCall } from './infer-call.ts';
import type { ReadLimits } from './read-infer-request.ts';
import type { WrittenData } from './written-data.ts';

// What the service and its thread for JSON say to each other.

export type ToRead = {
  readonly kind: 'read';
  /** Of HTTP, in the form of tensors or of Triton's generate; or a ModelInferRequest of gRPC. */
  readonly form: 'body' | 'generate' | 'message';
  readonly body: Uint8Array;
  /**
   * As the header Inference-Header-Content-Length: 0 for a raw body, undefined where the body is
   * JSON.
   */
  readonly jsonBytes: number | undefined;
  readonly manifest: ManifestOfInputs;
  readonly limits: ReadLimits;
};

export type ToJsonThread =
  | ToRead
  | { readonly kind: 'write'; readonly tensors: readonly Pick<Tensor, 'datatype' | 'data'>[] };

export type FromJsonThread =
  | { readonly kind: 'call'; readonly call: InferCall }
  | { readonly kind: 'written'; readonly data: readonly WrittenData[] }
  /** With the text that it would have on the event loop. */
  | { readonly kind: 'failed'; readonly failure: CarriedError };
