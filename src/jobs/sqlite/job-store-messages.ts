import type { CarriedError } from '../../threads/carried-error.ts';
import type { MethodOf } from '../../threads/remote.ts';
import type { JobDatabase } from './job-database.ts';
import type { SetAside } from './set-aside.ts';

export type StoreCall = {
  readonly call: number;
  readonly method: MethodOf<JobDatabase>;
  readonly given: readonly unknown[];
};

export type StoreAnswer =
  | { readonly kind: 'opened'; readonly setAside: SetAside | undefined }
  /** The last word: it could not be opened. */
  | { readonly kind: 'unusable'; readonly failure: CarriedError }
  | { readonly kind: 'answer'; readonly call: number; readonly answer: unknown; readonly wrote: boolean }
  /** `damaged`: what is in the file is no longer what was written. `why` is for the log. */
  | {
      readonly kind: 'failure';
      readonly call: number;
      readonly failure: CarriedError;
      readonly damaged: boolean;
      readonly why: string;
    };
