import type { EngineObserver } from './engine-observer.ts';
import type { BatchFacts, CacheOutcome, ClosedBy } from './inference.ts';

/** Count and sum of one stage; answered in Triton's form as {count, ns}. */
export type Tally = { count: number; ms: number };

export type BatchTally = { rows: number; input: Tally; infer: Tally; output: Tally };

/**
 * What a model has done since it was loaded, in the terms of Triton's statistics extension, and
 * beside them what Triton does not count: the inputs that left unanswered by the model, by reason.
 * Plain numbers, added up once a batch.
 */
export class Statistics implements Partial<EngineObserver> {
  /** Rows answered with success. */
  inferenceCount = 0;
  /** Batches run with success. */
  executionCount = 0;
  /** Unix milliseconds of the last inference request; 0: none yet. */
  lastInferenceAt = 0;
  readonly success: Tally = { count: 0, ms: 0 };
  readonly fail: Tally = { count: 0, ms: 0 };
  readonly queue: Tally = { count: 0, ms: 0 };
  readonly computeInput: Tally = { count: 0, ms: 0 };
  readonly computeInfer: Tally = { count: 0, ms: 0 };
  readonly computeOutput: Tally = { count: 0, ms: 0 };
  /** Requests that were answered without a run, and those that made an answer to be remembered. */
  readonly cacheHit: Tally = { count: 0, ms: 0 };
  readonly cacheMiss: Tally = { count: 0, ms: 0 };
  readonly batches = new Map<number, BatchTally>();
  /** Requests that never ran, by reason, and lanes that were lost. */
  readonly dropped = { gone: 0, expired: 0, refused: 0 };
  readonly lanes = { crashed: 0, stuck: 0, retried: 0 };
  /** Batches by what closed them. */
  readonly closedBy = { idle: 0, rows: 0, bytes: 0, padding: 0, delay: 0, alone: 0 };

  batchEnded({ outcome }: BatchFacts): void {
    if (outcome === 'lane_lost') this.lanes.crashed += 1;
    if (outcome === 'given_up') this.lanes.stuck += 1;
  }

  requestDropped(_model: string, why: 'gone' | 'expired' | 'refused'): void {
    this.dropped[why] += 1;
  }

  requestRetried(): void {
    this.lanes.retried += 1;
  }

  lookedUp(_model: string, outcome: CacheOutcome, tookMs: number): void {
    if (outcome === 'hit' || outcome === 'joined') add(this.cacheHit, 1, tookMs);
    if (outcome === 'miss') add(this.cacheMiss, 1, tookMs);
  }

  batchRan(batch: {
    requests: number;
    rows: number;
    closedBy: ClosedBy;
    queueMs: number;
    inputMs: number;
    inferMs: number;
    outputMs: number;
  }) {
    const { requests, rows } = batch;
    this.inferenceCount += rows;
    this.executionCount += 1;
    this.closedBy[batch.closedBy] += 1;
    add(this.queue, requests, batch.queueMs);
    // Every request of a batch is counted with the whole batch's time, as Triton does.
    add(this.computeInput, requests, batch.inputMs * requests);
    add(this.computeInfer, requests, batch.inferMs * requests);
    add(this.computeOutput, requests, batch.outputMs * requests);
    let bySize = this.batches.get(rows);
    if (!bySize) {
      bySize = { rows, input: { count: 0, ms: 0 }, infer: { count: 0, ms: 0 }, output: { count: 0, ms: 0 } };
      this.batches.set(rows, bySize);
    }
    add(bySize.input, 1, batch.inputMs);
    add(bySize.infer, 1, batch.inferMs);
    add(bySize.output, 1, batch.outputMs);
  }
}

function add(tally: Tally, count: number, ms: number): void {
  tally.count += count;
  tally.ms += ms;
}

const ns = ({ count, ms }: Tally) => ({ count, ns: Math.round(ms * 1e6) });

/**
 * One entry of `model_stats`, word for word as Triton's statistics extension has it; `vitrine`
 * holds what is ours.
 */
export function tritonStatistics(name: string, version: string, statistics: Statistics) {
  return {
    name,
    version,
    last_inference: statistics.lastInferenceAt,
    inference_count: statistics.inferenceCount,
    execution_count: statistics.executionCount,
    inference_stats: {
      success: ns(statistics.success),
      fail: ns(statistics.fail),
      queue: ns(statistics.queue),
      compute_input: ns(statistics.computeInput),
      compute_infer: ns(statistics.computeInfer),
      compute_output: ns(statistics.computeOutput),
      cache_hit: ns(statistics.cacheHit),
      cache_miss: ns(statistics.cacheMiss),
    },
    response_stats: {},
    batch_stats: [...statistics.batches.values()]
      .sort((one, other) => one.rows - other.rows)
      .map(({ rows, input, infer, output }) => ({
        batch_size: rows,
        compute_input: ns(input),
        compute_infer: ns(infer),
        compute_output: ns(output),
      })),
    memory_usage: [],
    vitrine: { dropped: statistics.dropped, lanes: statistics.lanes, batches_closed_by: statistics.closedBy },
  };
}
