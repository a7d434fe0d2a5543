import type { Arrival, BatchFacts } from '../../src/engine/inference.ts';
import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import { newIds } from '../../src/telemetry/ids.ts';
import { accountOf } from './account-of.ts';

/** One of many, no two alike. */
export function batchOf(id: number, model = 'm'): BatchFacts {
  return {
    id,
    model,
    version: '1',
    inputs: 3,
    rows: 3 + id,
    rowsMax: 64,
    tookShortcut: id % 2 === 0,
    closedBy: id % 3 === 0 ? 'rows' : 'idle',
    lane: `thread-${id}`,
    provider: 'cpu',
    sessionMs: 0.25 * id,
    cpuMs: 0.125 * id,
    gpu: undefined,
    outputBytes: 16 * id,
    startedAt: 100 * id + 0.5,
    endedAt: 100 * id + 40.5,
    outcome: 'ran',
  };
}

/** The same of a request: numbers, words and oddities as `at` has them. */
export function recordOf(at: number, batch: BatchFacts | undefined): FlightRecord {
  const ids = newIds();
  return {
    ids,
    requestId: at % 5 === 0 ? `theirs-${at}` : ids.traceId,
    tenant: at % 4 === 0 ? 'somebody' : 'anonymous',
    method: 'POST',
    route: '/v2/models/:model/infer',
    status: at % 7 === 0 ? 503 : 200,
    failure: at % 7 === 0 ? 'queue_full' : undefined,
    sentence: at % 7 === 0 ? 'Cannot take the request.' : undefined,
    inputs: at % 7 === 0 ? [{ name: 'x', datatype: 'FP32', shape: [at] }] : undefined,
    task: at % 6 === 0 ? 'separate' : undefined,
    kept: at % 3 === 0 ? 'first' : undefined,
    model: batch?.model,
    version: batch?.version,
    threads: undefined,
    startedAt: at,
    tookMs: at / 2,
    account: accountOf(
      at,
      { receive: 1, decode: 2, queue: 3, assemble: 4, run: at, split: 6, encode: 7, send: 8 },
      { tookMs: at / 2, arrival: at % 2 === 0 ? arrivalOf(at) : undefined },
    ),
    batch,
  };
}

function arrivalOf(at: number): Arrival {
  return { waiting: at, waitingBytes: 8 * at, running: 1, predictedWaitMs: 0.5 };
}
