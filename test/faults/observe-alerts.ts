import { prometheusQuery } from '../support/backends.ts';
import type { Expected, Ground } from './fault.ts';

export type Seen = { alert: string; severity: string; labels: Record<string, string> };

/** What fires in Prometheus now, the alert left out that always does. */
export async function firingNow({ stack }: Ground): Promise<Seen[]> {
  return seen(stack.url('prometheus'), 'ALERTS{alertstate="firing", alertname!="Watchdog"}');
}

/** All that has fired within the last so many seconds. */
export async function firedWithin({ stack }: Ground, seconds: number): Promise<Seen[]> {
  return seen(
    stack.url('prometheus'),
    `count_over_time(ALERTS{alertstate="firing", alertname!="Watchdog"}[${Math.ceil(seconds)}s])`,
  );
}

async function seen(url: string, query: string): Promise<Seen[]> {
  return (await prometheusQuery(url, query)).map(({ labels }) => ({
    alert: labels.alertname ?? '',
    severity: labels.severity ?? '',
    labels,
  }));
}

export function matches(one: Seen, { alert, severity, labels = {} }: Expected): boolean {
  return (
    one.alert === alert &&
    (severity === undefined || one.severity === severity) &&
    Object.entries(labels).every(([label, value]) => one.labels[label] === value)
  );
}

export type Delivered = { name: string; severity: string; labels: Record<string, string> };

/** What the receiver was told and lists. */
export async function listedByReceiver({ stack }: Ground): Promise<Delivered[]> {
  const answer = await fetch(`${stack.url('receiver')}/alerts`);
  const { alerts } = (await answer.json()) as { alerts: Delivered[] };
  return alerts;
}

export type Routed = {
  labels: Record<string, string>;
  receivers: { name: string }[];
  status: { state: 'unprocessed' | 'active' | 'suppressed' };
};

/** What Alertmanager has, where it sends it, and whether it keeps it back. */
export async function heldByAlertmanager({ stack }: Ground): Promise<Routed[]> {
  const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`);
  return (await answer.json()) as Routed[];
}

export function words({ alert, severity, labels }: Seen): string {
  const place = ['system', 'model', 'job', 'endpoint', 'hw_id', 'reason', 'signal', 'instance']
    .filter((label) => labels[label] !== undefined)
    .map((label) => `${label}=${labels[label]}`);
  return `${alert} (${[severity, ...place].join(', ')})`;
}
