import type { LoadFacts } from '../../engine/engine-observer.ts';
import type { Span } from '../../spans-of-time.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';
import { type Alone, aloneFrom } from './alone.ts';
import { MachineView } from './machine-view.ts';

/** All that an explanation of one request goes by. */
export type WhyFacts = {
  readonly record: FlightRecord;
  readonly alone: Alone | undefined;
  /** How many runs of its kind are remembered. */
  readonly kindRuns: number;
  /** It was the first of its kind. */
  readonly isFirst: boolean;
  /** Of its model and version, while it was there; not its own. */
  readonly ownModel: readonly StoredBatch[];
  /** Of its task: the batches that were run for it. */
  readonly ofTask: readonly StoredBatch[];
  /** Of all others, while it was there. */
  readonly others: readonly StoredBatch[];
  readonly loads: readonly LoadFacts[];
  /** The load that its model was served from. */
  readonly loaded: LoadFacts | undefined;
  readonly machine: MachineView;
  /** False: some batches of that time are forgotten. */
  readonly isWhole: boolean;
};

export function whyFacts(found: FlightRecord, recorder: FlightRecorder): WhyFacts {
  const record = isLostLast(found) ? { ...found, lost: undefined } : found;
  const { machine } = recorder;
  machine.refresh();
  const kind = recorder.runsLike(record);
  const { startedAt, tookMs, batch, model } = record;
  const span: Span = { from: startedAt, to: startedAt + tookMs };
  const { batches, loads, isWhole } = recorder.during(span);
  const isOwn = (other: StoredBatch) =>
    batch?.startedAt === other.startedAt && batch.id === other.id && batch.model === other.model;
  const isForTask = ({ shares }: StoredBatch) =>
    shares.some(({ by }) => by !== undefined && by.id === record.requestId);
  const isOfModel = (other: StoredBatch) => other.model === model && other.version === record.version;
  const notOwn = batches.filter((other) => !isOwn(other));
  return {
    record,
    alone: aloneFrom(record, kind, machine),
    kindRuns: kind?.runs.length ?? 0,
    isFirst: kind !== undefined && kind.firstAt === startedAt,
    ownModel: notOwn.filter((other) => isOfModel(other) && !isForTask(other)),
    ofTask: notOwn.filter(isForTask),
    others: notOwn.filter((other) => !isOfModel(other)),
    loads,
    loaded: model === undefined ? undefined : recorder.lastLoad(model, startedAt),
    machine: new MachineView(machine, span),
    isWhole,
  };
}

/** Its only run without an answer is the one that it ended with: it was in no other. */
function isLostLast({ lost, batch }: FlightRecord): boolean {
  return lost?.runs === 1 && lost.last.from === batch?.startedAt;
}
