import type { FailureCode } from '../errors.ts';
import type { JobDatabase } from './job-database.ts';
import type { SetAside } from './set-aside.ts';

/** What the store's thread can be asked: the methods of the database. */
export type StoreMethod = {
  [Name in keyof JobDatabase]: JobDatabase[Name] extends (...given: never[]) => unknown ? Name : never;
}[keyof JobDatabase];

export type StoreCall = { readonly number: number; readonly method: StoreMethod; readonly given: readonly unknown[] };

export type StoreAnswer =
  | { readonly kind: 'opened'; readonly setAside: SetAside | undefined }
  /** The last word: it could not be opened. */
  | { readonly kind: 'unusable'; readonly failure: StoreFailure }
  | { readonly kind: 'answer'; readonly number: number; readonly answer: unknown; readonly wrote: boolean }
  | { readonly kind: 'failure'; readonly number: number; readonly failure: StoreFailure };

/** An error as it crosses between threads: a class would not. */
export type StoreFailure = {
  readonly code: FailureCode | undefined;
  readonly message: string;
  readonly why: string;
  /** What is in the file is no longer what was written. */
  readonly damaged: boolean;
};
