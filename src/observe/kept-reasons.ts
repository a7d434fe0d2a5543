/**
 * Why a trace was stored; the reason is an attribute of the trace. The first that applies: the
 * request failed, was slow, has a low quality score, was profiled, is a task, was asked for by
 * header or by the traceparent. Or it is one of the first of its second, a sample, or has a log
 * line.
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
