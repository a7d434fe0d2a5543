import { queryInstant, queryRange, read } from '../asking/backends.ts';
import { withoutComparison } from './without-comparison.ts';

export type Silence = {
  id: string;
  status: { state: string };
  matchers: { name: string; value: string }[];
  endsAt: string;
  createdBy: string;
  comment: string;
};

/** The silences that hold now, or will. */
export async function activeSilences(signal: AbortSignal): Promise<Silence[]> {
  const all = await read<Silence[]>('alertmanager/api/v2/silences', {}, signal);
  return all.filter(({ status }) => status.state !== 'expired');
}

/** How often each alert began to fire in the last week. */
export async function firedThisWeek(signal: AbortSignal): Promise<Map<string, number>> {
  const query = 'sum by (alertname) (changes(max without (system, severity, team) (ALERTS_FOR_STATE)[7d:5m]) + 1)';
  const rows = await queryInstant({ query }, signal);
  return new Map(rows.map(({ metric, value }) => [metric.alertname ?? '', Math.round(Number(value[1]))]));
}

/** The value of a rule's expression over the last hour; what it compares with is left out. */
export async function valueOverTime(query: string, signal: AbortSignal): Promise<(number | null)[]> {
  const end = Math.floor(Date.now() / 1000);
  const [first] = await queryRange({ query: withoutComparison(query), start: end - 3600, end, step: 60 }, signal);
  return (first?.values ?? []).map(([, value]) => (Number.isFinite(Number(value)) ? Number(value) : null));
}
