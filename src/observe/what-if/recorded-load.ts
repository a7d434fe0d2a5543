/**
 * What is known of each arrival, a column each. Times are in milliseconds; `at` and the span are of
 * the recorder's clock.
 */
const columns = [
  /** When it began to wait for a lane. */
  'at',
  /** From its first byte until then. */
  'beforeMs',
  /** From the end of its batch until its answer was sent. */
  'afterMs',
  'tookMs',
  'queueMs',
  'rows',
  'bytes',
  /** How long its batch held a lane, without others of its message; NaN: it never ran. */
  'laneMs',
  /** Of that, its run in ONNX Runtime. */
  'sessionMs',
  'batchRows',
  /** How long after `at` its deadline passed, or its caller left; infinite: neither. */
  'deadlineMs',
  'leftMs',
  /** A task calls again when it has its answer: the call before, and the time between. −1: none. */
  'previous',
  'thinkMs',
  /** By its place in `tenants`. */
  'tenant',
  /** By its place in `outcomes`. */
  'outcome',
  /** The bits of `runForm`. */
  'form',
] as const;
export type LoadColumn = (typeof columns)[number];
export const loadColumns: readonly LoadColumn[] = columns;

export const outcomes = ['answered', 'refused', 'expired', 'left', 'failed'] as const;
export type Outcome = (typeof outcomes)[number];
export const outcomeCode = Object.fromEntries(outcomes.map((name, code) => [name, code])) as Record<Outcome, number>;

/** How it was run, each a bit; `foundIdle`: nobody waited, and a lane was free. */
export const runForm = { onEventLoop: 1, alone: 2, foundIdle: 4 } as const;

/** The arrivals of a model in a recorded time, in their order, as they can be sent to a thread. */
export type RecordedLoad = {
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly columns: Readonly<Record<LoadColumn, Float64Array>>;
  readonly tenants: readonly string[];
  /** Of the model's batches in that time. */
  readonly batches: {
    readonly count: number;
    readonly requests: number;
    readonly rows: number;
    /** How long lanes were held. */
    readonly busyMs: number;
    readonly cpuMs: number;
    readonly onEventLoop: number;
    /** What a message to a lane takes beside the runs in it. */
    readonly overheadMs: number;
  };
  /** CPU time of the batches of other models in that time. */
  readonly othersCpuMs: number;
};

/** The same columns for another number of arrivals. */
export function emptyColumns(count: number): Record<LoadColumn, Float64Array> {
  return Object.fromEntries(columns.map((name) => [name, new Float64Array(count)])) as Record<LoadColumn, Float64Array>;
}
