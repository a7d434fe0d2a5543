import { AskFailure, askJson } from '../asking/ask.ts';

/** A request in a list of the flight recorder (docs/flight-recorder.md). */
export type ListedRequest = {
  request_id: string;
  trace_id: string;
  kept: string | null;
  started_at: string;
  duration_ms: number;
  queue_ms: number;
  run_ms: number;
  method: string;
  route: string;
  status: number;
  failure: string | null;
  failed: boolean;
  fault: 'caller' | 'left' | 'server' | null;
  tenant: string | null;
  model: string | null;
  task: string | null;
  version: string | null;
};

export type RecordedStep = {
  name: string;
  /** Null: an operation, or a model that the key does not include. */
  model: string | null;
  operation: string | null;
  duration_ms: number;
  queue_ms: number;
  run_ms: number;
  failure: string | null;
};

export type FlightRecord = ListedRequest & {
  span_id: string;
  failure_says: string | null;
  inputs: { name: string; datatype: string; shape: number[] }[] | null;
  stages_ms: Record<string, number>;
  rest_ms: number;
  arrival: {
    waiting: number;
    waiting_bytes: number;
    running: number;
    predicted_wait_ms: number;
    waited_ms: number;
  } | null;
  batch: {
    id: number;
    requests: number;
    rows: number;
    rows_max: number;
    fill: number;
    padding: number;
    padding_bytes: number;
    closed_by: string;
    outcome: string;
    lane: string;
    provider: string;
    duration_ms: number;
    session_ms: number;
    cpu_ms: number | null;
    hw_id: string | null;
    trace_id: string | null;
  } | null;
  /** Of a pipeline. */
  steps: RecordedStep[] | null;
  batch_mates: { count: number; known: ListedRequest[] } | null;
  session: { lanes: number; lane_kind: string; intra_op_threads: number; inter_op_threads: number } | null;
  competition: {
    is_whole: boolean;
    /** Without a name: what the key does not include. */
    models: { model: string | null; batches: number; requests: number; rows: number; shared_ms: number }[];
    loads: { model: string | null; version: string | null; result: string; shared_ms: number }[];
  } | null;
  same_id: ListedRequest[];
};

export type RequestOrder = 'recent' | 'slowest' | 'failed';

/** Undefined when the recorder does not remember it: then its trace and log may still be there. */
export async function flightRecord(id: string, signal: AbortSignal): Promise<FlightRecord | undefined> {
  try {
    return await askJson<FlightRecord>(`/v1/requests/${encodeURIComponent(id)}`, { signal });
  } catch (error) {
    if (error instanceof AskFailure && error.status === 404) return undefined;
    throw error;
  }
}
