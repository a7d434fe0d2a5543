import { performance } from 'node:perf_hooks';
import { ServiceError } from '../../errors.ts';
import { type HeadValue, headValue, joinHead } from '../../head-lines.ts';
import type { RequestTrace } from '../../observe/request-trace.ts';
import { ours, say } from '../../sentence.ts';
import type { Client } from '../access/clients.ts';
import { askFirst, type LeasedBucket } from '../access/leased-bucket.ts';

const quotas = {
  infer: { of: 'inference requests', setting: 'VITRINE_INFER_PER_MINUTE_MAX' },
  tasks: { of: 'tasks', setting: 'VITRINE_TASKS_PER_MINUTE_MAX' },
  reads: { of: 'lists', setting: 'VITRINE_READS_PER_MINUTE_MAX' },
  page: { of: 'questions to backends', setting: 'VITRINE_PROXY_PER_MINUTE_MAX' },
} as const;
export type Quota = keyof typeof quotas;

const leftOf: Readonly<Record<Quota, HeadValue>> = {
  infer: headValue('"infer";r='),
  tasks: headValue('"tasks";r='),
  reads: headValue('"reads";r='),
  page: headValue('"page";r='),
};
const untilFull = headValue(';t=');

/**
 * Thrown where the part of this process is used up: once it is refilled, the same is tried again.
 */
export class QuotaElsewhere {
  readonly bucket: LeasedBucket;

  constructor(bucket: LeasedBucket) {
    this.bucket = bucket;
  }
}

/** Takes one request from the client's quota, and throws `rate_limited` when nothing is left. */
export function takeQuota(client: Client, of: Quota, trace: RequestTrace): void {
  const bucket = client[of];
  const waitMs = bucket.take(performance.now());
  trace.quotaLeft = joinHead(joinHead(joinHead(leftOf[of], bucket.remaining), untilFull), bucket.fullInSeconds);
  if (waitMs === 0) return;
  if (waitMs === askFirst) throw new QuotaElsewhere(bucket as LeasedBucket);
  trace.quotaPolicy = headValue(`"${of}";q=${bucket.perMinute};w=60`);
  throw new ServiceError(
    'rate_limited',
    say`Cannot take the request: ${bucket.perMinute} ${ours(quotas[of].of)} a minute are used up; come again in ${Math.ceil(waitMs / 1000)} s, or raise ${ours(settingOf(client, of))}.`,
    { retryAfterMs: waitMs },
  );
}

function settingOf(client: Client, of: Quota): string {
  return client.key && (of === 'infer' || of === 'tasks') ? `${of}_per_minute of the key` : quotas[of].setting;
}
