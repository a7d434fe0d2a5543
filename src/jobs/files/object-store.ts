import type { Readable } from 'node:stream';

/** What an object is, beside its bytes. */
export type ObjectFacts = { readonly sizeBytes: number; readonly sha256: string; readonly contentType: string };

/**
 * Files by key, where all replicas reach them. Every failure is a ServiceError: `files_unreachable`
 * where trying again may help, `files_missing` where the object is not there.
 */
export type ObjectStore = {
  /** All or nothing, and durable when it resolves. */
  put(key: string, file: string, facts: ObjectFacts, signal?: AbortSignal): Promise<void>;
  /** Goes on after an interruption, where it stopped. */
  get(key: string, sizeBytes: number, signal?: AbortSignal): Promise<Readable>;
  /** A link that needs no credentials, where there are such. */
  link(key: string, of: { readonly name: string; readonly contentType: string }): Promise<string | undefined>;
  /** Everything below the prefix, which ends with a slash. */
  remove(prefix: string): Promise<void>;
  /** The names right below a prefix whose objects are all older than that. */
  olderThan(prefix: string, ageMs: number): AsyncIterable<string>;
  /** Removes what unfinished transfers left. */
  removeUnfinished(ageMs: number): Promise<void>;
};
