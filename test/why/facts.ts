import type { FlightRecord } from '../../src/observe/flight/flight-record.ts';
import type { StoredBatch } from '../../src/observe/flight/recent-batches.ts';
import { MachineView } from '../../src/observe/why/machine-view.ts';
import type { WhyFacts } from '../../src/observe/why/why-facts.ts';
import { MachineRecord } from '../../src/telemetry/host/machine-record.ts';
import { batchOf, recordOf, stagesOf } from '../telemetry/flight-records.ts';

/** A batch of model m, version 1, from when to when; ONNX Runtime worked all of that time. */
export function ranFrom(startedAt: number, endedAt: number, of: Partial<StoredBatch> = {}): StoredBatch {
  return {
    ...batchOf(2, 'm'),
    id: startedAt,
    inputs: 1,
    rows: 1,
    startedAt,
    endedAt,
    sessionMs: endedAt - startedAt,
    cpuMs: endedAt - startedAt,
    closedBy: 'idle',
    paddingBytes: 0,
    paddingShare: 0,
    tookShortcut: false,
    shares: [{ tenant: 'anonymous', by: undefined, rows: 1 }],
    ...of,
  };
}

/** An inference that began at 1000 and went through these stages, one after the other. */
export function requestOf(stages: Parameters<typeof stagesOf>[0], of: Partial<FlightRecord> = {}): FlightRecord {
  const all = stagesOf(stages);
  const tookMs = Object.values(all).reduce((sum, ms) => sum + ms, 0);
  return {
    ...recordOf(1, undefined),
    task: undefined,
    model: 'm',
    version: '1',
    status: 200,
    failure: undefined,
    startedAt: 1000,
    tookMs,
    stages: all,
    size: { rows: 1, bytes: 16, bodyBytes: 100, answerBytes: 100, form: 1 },
    arrival: { waiting: 0, waitingBytes: 0, running: 0, predictedWaitMs: 0 },
    threads: { lanes: 1, laneKind: 'thread', intraOpThreads: 1, interOpThreads: 1 },
    ...of,
  };
}

/** What is known of a request: nothing but what is given. */
export function factsOf(
  record: FlightRecord,
  of: Partial<WhyFacts> & { record?: never; on?: MachineRecord } = {},
): WhyFacts {
  const { on = new MachineRecord(), ...given } = of;
  return {
    record,
    alone: undefined,
    kindRuns: 0,
    isFirst: false,
    ownModel: [],
    ofTask: [],
    others: [],
    loads: [],
    loaded: undefined,
    machine: new MachineView(on, { from: record.startedAt, to: record.startedAt + record.tookMs }),
    isWhole: true,
    ...given,
  };
}
