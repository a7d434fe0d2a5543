import { type FailureCode, failures, faultOf } from '../../src/errors.ts';

/** What is promised to callers, per model. Change it here, then `npm run generate`. */
export const objectives = {
  /** Part of the requests that do not fail by our fault. */
  availability: 0.999,
  /** Part of the requests that are answered within so many seconds: a bound of inference.request.duration’s buckets. */
  latency: { ratio: 0.99, seconds: 2.5 },
} as const;

/** Codes of failures that are ours. A caller’s mistake, a caller who left and a deadline that the caller set spend no budget. */
export const ourFailures = (Object.keys(failures) as FailureCode[])
  .filter((code) => faultOf(code) === 'server')
  .join('|');

export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;

/**
 * When a budget of 30 days burns too fast: the long window says that it is serious, the short one that it still goes on. With 14.4 times the
 * allowed rate 2 % of the month’s budget are gone in an hour; at 1 it would be used up exactly.
 */
export const burns = {
  critical: [
    { factor: 14.4, long: '1h', short: '5m' },
    { factor: 6, long: '6h', short: '30m' },
  ],
  warning: [
    { factor: 3, long: '1d', short: '2h' },
    { factor: 1, long: '3d', short: '6h' },
  ],
} as const;
