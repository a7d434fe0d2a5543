import type { Span } from '../../spans-of-time.ts';
import { Breather } from '../../telemetry/breather.ts';
import type { FlightRecorder } from '../flight/flight-recorder.ts';
import { BatchesByModel } from './batches-by-model.ts';
import { type BlamedBy, BlameMatrix } from './blame-matrix.ts';

/** Who made whom wait, of all remembered requests of that time. Others are served between. */
export async function blamePeriod(
  recorder: FlightRecorder,
  { from, to }: Span,
  by: BlamedBy,
  counts: (tenant: string) => boolean,
): Promise<{ matrix: BlameMatrix; requests: number; isWhole: boolean }> {
  const matrix = new BlameMatrix(by);
  const breather = new Breather();
  const { batches, isWhole } = recorder.during({ from: from - longestMs, to });
  const byModel = new BatchesByModel(batches);
  let requests = 0;
  for (const record of recorder.eachSince(from)) {
    await breather.breathe();
    const endedAt = record.startedAt + record.tookMs;
    if (endedAt < from || endedAt > to || record.model === undefined || !counts(record.tenant)) continue;
    requests += 1;
    if (record.stages.queue < waitMsMin && record.waits === undefined) continue;
    matrix.add(record, byModel.during(record.model, record.version, { from: record.startedAt, to: endedAt }));
  }
  return { matrix, requests, isWhole };
}

/** A request that began before the time may have waited for batches before it. */
const longestMs = 600_000;
/** Of an idle lane, too: nobody waited. */
const waitMsMin = 0.2;
