import { askJson } from '../asking/ask.ts';
import type { ListedRequest } from '../request/flight-record.ts';
import type { ChosenRequests, FilterName } from './chosen-requests.ts';

export type Cell = { column: number; row: number; requests: number; failed: number };

/** GET /v1/requests/distribution */
export type Distribution = {
  from: string;
  to: string;
  columns: number;
  row_bounds_ms: number[];
  requests: number;
  remembered: number;
  cells: Cell[];
  values: Partial<Record<FilterName, { is: string | number; requests: number; failed: number }[]>>;
};

export function askDistribution(chosen: ChosenRequests, columns: number, signal: AbortSignal): Promise<Distribution> {
  const failed = chosen.order === 'failed' ? { failed: 'true' } : undefined;
  const query = chosen.query({ columns: String(columns), ...failed });
  return askJson<Distribution>(`/v1/requests/distribution?${query}`, { signal });
}

/** The list that is chosen, at most so many; of the slowest the API gives fifty. */
export async function askRequests(chosen: ChosenRequests, most: number, signal: AbortSignal): Promise<ListedRequest[]> {
  const count = chosen.order === 'slowest' ? Math.min(50, most) : most;
  const query = chosen.query({ [chosen.order]: String(count) });
  return (await askJson<{ requests: ListedRequest[] }>(`/v1/requests?${query}`, { signal })).requests;
}
