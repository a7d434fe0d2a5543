import type { BatchFacts, StepFacts } from '../../engine/inference.ts';
import { batchSpans } from '../../observe/batch-spans.ts';
import { type FlightRecord, faultOfRecord, isFailed } from '../../observe/flight/flight-record.ts';
import type { Competition, FlightRecorder } from '../../observe/flight/flight-recorder.ts';
import type { LatencySummary } from '../../observe/flight/latency-window.ts';
import { bookedMs, inferenceStages, stageNames } from '../../observe/stages.ts';

// What the flight recorder says, as JSON. docs/flight-recorder.md has every field.

export type FlightLine = ReturnType<typeof flightLine>;

/** A request in a list. */
export function flightLine(record: FlightRecord) {
  return {
    request_id: record.requestId,
    trace_id: record.ids.traceId,
    kept: record.kept ?? null,
    started_at: isoTime(record.startedAt),
    duration_ms: milliseconds(record.tookMs),
    queue_ms: milliseconds(record.stages.queue),
    run_ms: milliseconds(record.stages.run),
    method: record.method,
    route: record.route,
    status: record.status,
    failure: record.failure ?? null,
    failed: isFailed(record),
    fault: faultOfRecord(record) ?? null,
    tenant: record.tenant,
    model: record.model ?? null,
    task: record.task ?? null,
    version: record.version ?? null,
  };
}

/** One request with everything that is known. */
export function flightAnswer(
  record: FlightRecord,
  recorder: FlightRecorder,
  given: {
    sees: (record: FlightRecord) => boolean;
    sameId: readonly FlightRecord[];
    /** Whether the caller may know of a model. */
    mayName: (model: string) => boolean;
  },
) {
  const { stages, arrival, batch, threads } = record;
  const competition = recorder.competitionOf(record);
  return {
    ...flightLine(record),
    span_id: record.ids.spanId,
    failure_says: record.sentence ?? null,
    inputs: record.inputs ?? null,
    stages_ms: Object.fromEntries(
      (record.task ? stageNames : inferenceStages).map((stage) => [stage, milliseconds(stages[stage])]),
    ),
    rest_ms: milliseconds(Math.max(0, record.tookMs - bookedMs(stages))),
    arrival: arrival
      ? {
          waiting: arrival.waiting,
          waiting_bytes: arrival.waitingBytes,
          running: arrival.running,
          predicted_wait_ms: milliseconds(arrival.predictedWaitMs),
          waited_ms: milliseconds(stages.queue),
        }
      : null,
    first_part_ms: record.firstPartMs === undefined ? null : milliseconds(record.firstPartMs),
    cache: record.cache ?? null,
    batch: batch ? batchAnswer(batch) : null,
    steps: record.steps ? record.steps.map((step) => stepAnswer(step, given.mayName)) : null,
    batch_mates: batch
      ? { count: batch.inputs - 1, known: recorder.matesOf(record).filter(given.sees).map(flightLine) }
      : null,
    session: threads
      ? {
          lanes: threads.lanes,
          lane_kind: threads.laneKind,
          intra_op_threads: threads.intraOpThreads,
          inter_op_threads: threads.interOpThreads,
        }
      : null,
    competition: competitionAnswer(record, competition, given.mayName),
    same_id: given.sameId.map(flightLine),
  };
}

export function latencyAnswer(from: string, uses: readonly LatencySummary[]) {
  return {
    from,
    to: isoTime(performance.now()),
    models: uses.map((summary) => ({
      model: summary.model,
      task: summary.task ?? null,
      count: summary.count,
      failures: summary.failures,
      by_fault: summary.byFault,
      min_ms: milliseconds(summary.minMs),
      mean_ms: milliseconds(summary.meanMs),
      p50_ms: milliseconds(summary.p50Ms),
      p95_ms: milliseconds(summary.p95Ms),
      p99_ms: milliseconds(summary.p99Ms),
      max_ms: milliseconds(summary.maxMs),
    })),
  };
}

/** A step of a pipeline; a model that the caller may not know of has no name. */
function stepAnswer(step: StepFacts, mayName: (model: string) => boolean): StepAnswer {
  const { name, by, startedAt, endedAt, batch, steps } = step;
  const isNamed = 'operation' in by || mayName(by.model);
  return {
    name,
    operation: 'operation' in by ? by.operation : null,
    model: 'operation' in by || !isNamed ? null : by.model,
    version: 'operation' in by || !isNamed ? null : (by.version ?? null),
    started_at: isoTime(startedAt),
    duration_ms: milliseconds(endedAt - startedAt),
    queue_ms: milliseconds(step.queueMs),
    assemble_ms: milliseconds(step.assembleMs),
    run_ms: milliseconds(step.runMs),
    split_ms: milliseconds(step.splitMs),
    output_bytes: step.outputBytes,
    failure: step.failure ?? null,
    cache: step.cache ?? null,
    batch: batch && isNamed ? batchAnswer(batch) : null,
    steps: steps ? steps.map((inner) => stepAnswer(inner, mayName)) : null,
  };
}

type StepAnswer = {
  name: string;
  operation: string | null;
  model: string | null;
  version: string | null;
  started_at: string;
  duration_ms: number;
  queue_ms: number;
  assemble_ms: number;
  run_ms: number;
  split_ms: number;
  output_bytes: number;
  failure: string | null;
  cache: string | null;
  batch: ReturnType<typeof batchAnswer> | null;
  steps: StepAnswer[] | null;
};

function batchAnswer(batch: BatchFacts) {
  return {
    id: batch.id,
    requests: batch.inputs,
    rows: batch.rows,
    rows_max: batch.rowsMax,
    fill: batch.rowsMax === 0 ? null : batch.rows / batch.rowsMax,
    padding: batch.paddingShare,
    padding_bytes: batch.paddingBytes,
    closed_by: batch.closedBy,
    outcome: batch.outcome,
    lane: batch.lane,
    provider: batch.provider,
    started_at: isoTime(batch.startedAt),
    duration_ms: milliseconds(batch.endedAt - batch.startedAt),
    session_ms: milliseconds(batch.sessionMs),
    cpu_ms: milliseconds(batch.cpuMs),
    hw_id: batch.gpu?.hwId ?? null,
    gpu: batch.gpu ? { seconds: batch.gpu.seconds, energy: batch.gpu.energy ?? null } : null,
    output_bytes: batch.outputBytes,
    trace_id: batchSpans.traceIdOf(batch) ?? null,
  };
}

/**
 * By model, what of the request's time its batches had too; those that the caller may not know of
 * are one sum without a name.
 */
function competitionAnswer(
  { startedAt, tookMs }: FlightRecord,
  { batches, loads, isWhole }: Competition,
  mayName: (model: string) => boolean,
) {
  const models = new Map<string | null, { batches: number; requests: number; rows: number; shared: number }>();
  const sharedMs = (other: { startedAt: number; endedAt: number }) =>
    Math.min(other.endedAt, startedAt + tookMs) - Math.max(other.startedAt, startedAt);
  for (const batch of batches) {
    const name = mayName(batch.model) ? batch.model : null;
    const of = models.get(name) ?? { batches: 0, requests: 0, rows: 0, shared: 0 };
    of.batches += 1;
    of.requests += batch.inputs;
    of.rows += batch.rows;
    of.shared += sharedMs(batch);
    models.set(name, of);
  }
  return {
    is_whole: isWhole,
    models: [...models].map(([model, { shared, ...of }]) => ({ model, ...of, shared_ms: milliseconds(shared) })),
    loads: loads.map((load) => ({
      ...(mayName(load.model) ? { model: load.model, version: load.version } : { model: null, version: null }),
      result: load.result,
      shared_ms: milliseconds(sharedMs(load)),
    })),
  };
}

export function isoTime(ms: number): string {
  return new Date(performance.timeOrigin + ms).toISOString();
}

export function milliseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
