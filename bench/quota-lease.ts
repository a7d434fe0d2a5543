import { LeasedBucket } from '../src/api/access/leased-bucket.ts';
import { TokenBucket } from '../src/api/access/token-bucket.ts';
import { numberOption } from './option.ts';
import { median } from './statistics.ts';

// What does a quota that replicas share cost a request beside one of this process alone? A lease
// is answered at once here: its round trip is once for a block, and bench/LOG.md has it.
// Usage: node bench/quota-lease.ts [--rounds 15] [--taken 2000000]

const options = { rounds: numberOption('rounds', 15), taken: numberOption('taken', 2_000_000) };
const perMinute = 1_000_000_000;
const block = 1_000;

type Bucket = Pick<TokenBucket, 'take' | 'remaining' | 'fullInSeconds'>;

const spent = { local: [] as number[], leased: [] as number[] };
for (let round = 0; round < options.rounds; round += 1) {
  const now = performance.now();
  const ask = () => Promise.resolve({ granted: block, left: perMinute, waitMs: 0 });
  spent.local.push(await nanoseconds(new TokenBucket(perMinute, now)));
  spent.leased.push(await nanoseconds(new LeasedBucket({ perMinute, now, block: () => block, ask })));
}
const [local, leased] = [median(spent.local), median(spent.leased)];
console.log(`a request's part of its quota: ${local.toFixed(1)} ns local, ${leased.toFixed(1)} ns leased`);

/** As take-quota.ts takes one. */
async function nanoseconds(bucket: Bucket & { refill?(): Promise<void> }): Promise<number> {
  let sum = 0;
  const startedAt = performance.now();
  for (let n = 0; n < options.taken; n += 1) {
    if (bucket.take(performance.now()) !== 0) {
      await bucket.refill?.();
      bucket.take(performance.now());
    }
    sum += bucket.remaining + bucket.fullInSeconds;
  }
  const tookMs = performance.now() - startedAt;
  if (Number.isNaN(sum)) throw new Error('no numbers');
  return (tookMs * 1e6) / options.taken;
}
