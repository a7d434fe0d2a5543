import assert from 'node:assert/strict';
import { type Arrival, type BatchFacts, cacheOutcomes } from '../../src/engine/inference.ts';
import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import type { FlightRecorder } from '../../src/observe/flight/flight-recorder.ts';
import { RequestRow } from '../../src/observe/flight/request-row.ts';
import { columnCount, columnOf, type RequestTable } from '../../src/observe/flight/request-table.ts';
import { type StageName, type Stages, stageNames } from '../../src/observe/stages.ts';
import { newIds } from '../../src/telemetry/ids.ts';

/** One of many, no two alike. */
export function batchOf(id: number, model = 'm'): BatchFacts {
  return {
    id,
    model,
    version: '1',
    inputs: 3,
    rows: 3 + id,
    rowsMax: 64,
    paddingBytes: 8 * id,
    paddingShare: (id % 4) / 8,
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

/** The same of a request: numbers, words and what is rare as `at` has them. */
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
    cache: at % 9 === 0 ? 'miss' : undefined,
    firstPartMs: at % 11 === 5 ? at / 4 : undefined,
    version: batch?.version,
    threads: undefined,
    waits: undefined,
    steps: undefined,
    size: { rows: at, bytes: 8 * at, bodyBytes: 16 * at, answerBytes: 32 * at, form: 0 },
    lost: undefined,
    startedAt: at,
    tookMs: at / 2,
    stages: stagesOf({ receive: 1, decode: 2, queue: 3, assemble: 4, run: at, split: 6, encode: 7, send: 8 }),
    arrival: at % 2 === 0 ? arrivalOf(at) : undefined,
    batch,
  };
}

/** The others took no time. */
export function stagesOf(given: Partial<Stages>): Stages {
  return Object.fromEntries(stageNames.map((stage) => [stage, given[stage] ?? 0])) as Record<StageName, number>;
}

/** The row of a request that ends like this record. Its ids are its own. */
export function rowOf(
  table: RequestTable,
  { stages, arrival, size, startedAt, tookMs, status, batch, cache, firstPartMs }: Numbers,
): RequestRow {
  const request = new RequestRow(table);
  const [row] = table.ids.rowsOf(request.ids.spanId, table.size);
  assert.ok(row !== undefined);
  const found = cache === undefined ? 0 : cacheOutcomes.indexOf(cache) + 1;
  const rare = { cache: found, firstPart: firstPartMs ?? 0 };
  for (const [column, value] of Object.entries({ ...stages, ...arrival, ...size, ...rare, startedAt, tookMs, status }))
    table.numbers[row * columnCount + columnOf[column as keyof typeof columnOf]] = value;
  request.batch = batch;
  return request;
}

type Numbers = Pick<
  FlightRecord,
  'stages' | 'arrival' | 'size' | 'startedAt' | 'tookMs' | 'status' | 'batch' | 'cache' | 'firstPartMs'
>;

/** Has it remembered; answers the record with the ids that it got. */
export function remember(
  flights: Pick<FlightRecorder, 'table'> & { add(row: RequestRow, words: FlightRecord): unknown },
  record: FlightRecord,
): FlightRecord {
  const row = rowOf(flights.table, record);
  const { ids } = row;
  const remembered = {
    ...record,
    ids,
    requestId: record.requestId === record.ids.traceId ? ids.traceId : record.requestId,
  };
  flights.add(row, remembered);
  return remembered;
}

function arrivalOf(at: number): Arrival {
  return { waiting: at, waitingBytes: 8 * at, running: 1, predictedWaitMs: 0.5 };
}
