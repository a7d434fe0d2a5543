import type { AskedBy } from '../../engine/inference.ts';
import type { Span } from '../../spans-of-time.ts';
import type { FlightRecord } from '../flight/flight-record.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import type { StoredBatch } from '../flight/recent-batches.ts';
import { shareWait } from './share-wait.ts';

/** Who held the lanes while a request waited. */
export type Holder = {
  readonly model: string;
  readonly tenant: string | undefined;
  /** The task or job; undefined for an inference. */
  readonly by: AskedBy | undefined;
  /** An inference, where it is still remembered. */
  readonly request: FlightRecord | undefined;
  readonly ms: number;
  readonly batches: number;
};

export type Blame = {
  readonly waitedMs: number;
  /** The most first. */
  readonly holders: readonly Holder[];
  /** No batch held a lane then: see the causes of the request. */
  readonly unheldMs: number;
  /** False: some batches of that time are forgotten. */
  readonly isWhole: boolean;
};

/** Charges the time that a request waited for lanes to those whose batches held them. */
export function blameRequest(record: FlightRecord, recorder: FlightRecorder): Blame {
  const waits = waitsOf(record);
  const { batches, isWhole } = recorder.during({ from: record.startedAt, to: record.startedAt + record.tookMs });
  const { model, version } = record;
  const holding = batches.filter((batch) => batch.model === model && batch.version === version);
  const { held, unheldMs } = shareWait(waits, holding);
  const members = recorder.membersByStart(new Set([...held.keys()].map(({ startedAt }) => startedAt)));
  const holders = new Map<unknown, { -readonly [Field in keyof Holder]: Holder[Field] }>();
  for (const [batch, ms] of held)
    for (const part of partsOf(batch, members.get(batch.startedAt) ?? [])) {
      const key = part.request?.ids.spanId ?? part.by?.id ?? part.tenant ?? '';
      const known = holders.get(key);
      if (known) {
        known.ms += ms * part.share;
        known.batches += 1;
      } else holders.set(key, { ...part, model: batch.model, ms: ms * part.share, batches: 1 });
    }
  const waitedMs = waits.reduce((sum, { from, to }) => sum + to - from, 0);
  return {
    waitedMs,
    holders: [...holders.values()].sort((one, other) => other.ms - one.ms),
    unheldMs,
    isWhole,
  };
}

/** When it waited for lanes. */
export function waitsOf({ waits, startedAt, stages, batch, task }: FlightRecord): Span[] {
  if (waits)
    return Array.from({ length: waits.times.length / 2 }, (_, at) => ({
      from: waits.times[2 * at]!,
      to: waits.times[2 * at + 1]!,
    }));
  if (task !== undefined || stages.queue <= 0) return [];
  // A request that never ran waited until it was given up.
  const from = startedAt + stages.receive + stages.decode;
  return [{ from, to: batch && stages.run > 0 ? Math.min(from + stages.queue, batch.startedAt) : from + stages.queue }];
}

type Part = Pick<Holder, 'tenant' | 'by' | 'request'> & { readonly share: number };

/** A batch is shared out by rows. */
function partsOf(batch: StoredBatch, records: readonly FlightRecord[]): Part[] {
  const known = records.filter(({ batch: last }) => last?.id === batch.id && last.model === batch.model);
  const all = Math.max(
    1,
    batch.shares.reduce((sum, { rows }) => sum + rows, 0),
  );
  return batch.shares.flatMap(({ tenant, by, rows }): Part[] => {
    const ofShare = by === undefined ? known.filter((record) => record.tenant === tenant) : [];
    const knownRows = ofShare.reduce((sum, { size }) => sum + size.rows, 0);
    const parts: Part[] = ofShare.map((request) => ({ tenant, by, request, share: request.size.rows / all }));
    const restRows = rows - knownRows;
    return restRows > 0 ? [...parts, { tenant, by, request: undefined, share: restRows / all }] : parts;
  });
}
