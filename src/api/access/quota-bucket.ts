import { type AskLease, LeasedBucket } from './leased-bucket.ts';
import { TokenBucket } from './token-bucket.ts';

/** How much of one quota of a client may be used, by this process alone or by several together. */
export type QuotaBucket = TokenBucket | LeasedBucket;

/** Where several processes share the quotas, on one machine or on many. */
export type SharedQuotas = {
  /** How many, as far as it is known now. */
  readonly processes: number;
  lease(bucket: string, perMinute: number): AskLease;
};

/**
 * `name`: of the client and the quota. `inBlocks`: for what is asked thousands of times a second.
 */
export function quotaBucket(
  of: { readonly name: string; readonly perMinute: number; readonly now: number; readonly inBlocks: boolean },
  shared: SharedQuotas | undefined,
): QuotaBucket {
  const { name, perMinute, now, inBlocks } = of;
  if (!shared) return new TokenBucket(perMinute, now);
  return new LeasedBucket({
    perMinute,
    now,
    block: () => (inBlocks ? Math.min(blockMax, Math.ceil(perMinute / (shared.processes * blocksOfQuota))) : 1),
    ask: shared.lease(name, perMinute),
  });
}

/** So small a part that a process which dies takes little of the quota with it. */
const blocksOfQuota = 16;
const blockMax = 1_000;
