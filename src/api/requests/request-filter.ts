import type { Fault } from '../../errors.ts';
import { type FlightRecord, faultOfRecord, isFailed } from '../../observe/flight/flight-record.ts';
import { clockOf } from './clock-of.ts';

/** Which requests are meant; what is undefined may be anything, and all that is given must hold. */
export type RequestFilter = {
  readonly [Word in Exclude<FilterWord, 'status'>]?: string | undefined;
} & {
  readonly status?: number | undefined;
  readonly failed?: boolean | undefined;
  readonly fault?: Fault | undefined;
  /** Ended at that time or later, and before `to`. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly ms_min?: number | undefined;
  readonly ms_max?: number | undefined;
  readonly text?: string | undefined;
};

type FilterWord = (typeof filterWords)[number];
export const filterWords = ['model', 'version', 'task', 'tenant', 'route', 'status', 'failure'] as const;

export function isIn(record: FlightRecord, filter: RequestFilter): boolean {
  for (const word of filterWords) if (filter[word] !== undefined && record[word] !== filter[word]) return false;
  return isInBeside(record, filter);
}

/** Whether all holds but for its words. */
export function isInBeside(record: FlightRecord, filter: RequestFilter): boolean {
  const { from, to, ms_min = 0, ms_max = Number.POSITIVE_INFINITY, failed, fault, text } = filter;
  const endedAt = record.startedAt + record.tookMs;
  if (failed !== undefined && isFailed(record) !== failed) return false;
  if (fault !== undefined && faultOfRecord(record) !== fault) return false;
  if (from !== undefined && endedAt < clockOf(from)) return false;
  if (to !== undefined && endedAt >= clockOf(to)) return false;
  if (record.tookMs < ms_min || record.tookMs >= ms_max) return false;
  return text === undefined || hasText(record, text.toLowerCase());
}

function hasText(record: FlightRecord, text: string): boolean {
  const { requestId, ids, method, route, model, task, tenant, failure, sentence } = record;
  return [requestId, ids.traceId, `${method} ${route}`, model, task, tenant, failure, sentence].some((each) =>
    each?.toLowerCase().includes(text),
  );
}
