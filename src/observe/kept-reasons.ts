/**
 * Why a trace was kept; the word is on the trace. The first that applies, in this order: it failed,
 * was slow, has a low quality score, was profiled, is a task, was asked for by header or by the
 * caller's traceparent, is one of the first of its second or a sample, or has a log line.
 */
export const keptReasons = [
  'failed',
  'slow',
  'quality',
  'profiled',
  'task',
  'forced',
  'caller',
  'first',
  'sample',
  'logged',
] as const;
export type KeptBecause = (typeof keptReasons)[number];

/**
 * What the worker of a request may say while it is answered: its trace is then kept, whatever
 * the rates are.
 */
export type AlwaysKept = Extract<KeptBecause, 'quality' | 'profiled' | 'task' | 'logged'>;
