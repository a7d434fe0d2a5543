/** What is promised to callers, per model. Change it here, then `npm run generate`. */
export const objectives = {
  /** Part of the requests and tasks that do not fail on the server’s side. */
  availability: 0.999,
  /** Part of single inferences within so many seconds, a bucket bound of their duration. */
  latency: { ratio: 0.99, seconds: 2.5 },
} as const;

/** Only server failures spend budget: no 4xx, no caller who left, no caller's deadline. */
export const ours = { fault: 'server' } as const;

/** Single inferences: what a task takes depends on its sound, and nobody promised it. */
export const single = { task: '' } as const;

export const windows = ['5m', '30m', '1h', '2h', '6h', '1d', '3d'] as const;

/** What a budget is of. Prometheus keeps as much. */
export const month = '30d';

/**
 * When a budget of 30 days burns too fast: the long window shows that it is serious, the short one
 * that it goes on. At 14.4 times the allowed rate an hour takes 2 % of the month’s budget.
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
