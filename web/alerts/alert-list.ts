import { read } from '../asking/backends.ts';

/** An alert as Alertmanager has it: what fires, since when, and whether somebody silenced it. */
export type FiringAlert = {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
  fingerprint: string;
  status: { state: string; silencedBy: string[]; inhibitedBy: string[] };
};

export type AlertRule = {
  name: string;
  query: string;
  duration: number;
  state: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
  group: string;
  health: string;
  lastError?: string;
  alerts: { state: string; activeAt: string; labels: Record<string, string>; annotations: Record<string, string> }[];
};

export function firingAlerts(signal: AbortSignal): Promise<FiringAlert[]> {
  return read<FiringAlert[]>('alertmanager/api/v2/alerts', {}, signal);
}

export async function alertRules(signal: AbortSignal): Promise<AlertRule[]> {
  const { data } = await read<{ data: { groups: { name: string; rules: AlertRule[] }[] } }>(
    'prometheus/api/v1/rules',
    { type: 'alert' },
    signal,
  );
  return data.groups.flatMap(({ name, rules }) => rules.map((rule) => ({ ...rule, group: name })));
}

/** Fires always, so that its silence is noticed: nothing to look at. */
export function isWatchdog({ labels }: Pick<FiringAlert, 'labels'>): boolean {
  return labels.alertname === 'Watchdog' || labels.severity === 'none';
}
