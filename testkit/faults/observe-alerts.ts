import { prometheusQuery } from '../backends.ts';
import type { Expected, Ground } from './fault.ts';

export type Seen = { alert: string; severity: string; labels: Readonly<Record<string, string>> };

/**
 * What fires now, in Prometheus and in Loki’s ruler, the alert left out that always does. Either
 * may be down by the fault.
 */
export async function firingNow(ground: Ground): Promise<Seen[]> {
  const found = await Promise.allSettled([firingInPrometheus(ground), firingInLoki(ground)]);
  return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
}

async function firingInPrometheus({ stack }: Ground): Promise<Seen[]> {
  return inPrometheus(stack.url('prometheus'), 'ALERTS{alertstate="firing", alertname!="Watchdog"}');
}

/** All that has fired in Prometheus within the last so many seconds, however shortly. */
export async function firedWithin({ stack }: Ground, seconds: number): Promise<Seen[]> {
  return inPrometheus(
    stack.url('prometheus'),
    `count_over_time(ALERTS{alertstate="firing", alertname!="Watchdog"}[${Math.ceil(seconds)}s])`,
  );
}

async function firingInLoki({ stack }: Ground): Promise<Seen[]> {
  const answer = await fetch(`${stack.url('loki')}/prometheus/api/v1/alerts`);
  const { data } = (await answer.json()) as { data: { alerts: { state: string; labels: Record<string, string> }[] } };
  return data.alerts.filter(({ state }) => state === 'firing').map(({ labels }) => seenOf(labels));
}

async function inPrometheus(url: string, query: string): Promise<Seen[]> {
  return (await prometheusQuery(url, query)).map(({ labels: { alertstate: _, __name__: __, ...labels } }) =>
    seenOf(labels),
  );
}

export function seenOf(labels: Readonly<Record<string, string>>): Seen {
  return { alert: labels.alertname ?? '', severity: labels.severity ?? '', labels };
}

export function matches(one: Seen, { alert, severity, labels = {} }: Expected): boolean {
  return (
    one.alert === alert &&
    (severity === undefined || one.severity === severity) &&
    Object.entries(labels).every(([label, value]) => one.labels[label] === value)
  );
}

/** The same alert has the same. */
export function identity({ labels }: Seen): string {
  return JSON.stringify(Object.entries(labels).toSorted());
}

/** What the receiver received and lists, Watchdog left out. */
export async function listedByReceiver({ stack }: Ground): Promise<Seen[]> {
  const answer = await fetch(`${stack.url('receiver')}/alerts`);
  const { alerts } = (await answer.json()) as { alerts: { labels: Record<string, string> }[] };
  return alerts.map(({ labels }) => seenOf(labels)).filter(({ alert }) => alert !== 'Watchdog');
}

/** What Alertmanager has, where it sends it, and whether it keeps it back. */
export type Routed = { one: Seen; receivers: readonly string[]; state: 'unprocessed' | 'active' | 'suppressed' };

export async function heldByAlertmanager({ stack }: Ground): Promise<Routed[]> {
  const answer = await fetch(`${stack.url('alertmanager')}/api/v2/alerts`);
  const held = (await answer.json()) as {
    labels: Record<string, string>;
    receivers: { name: string }[];
    status: { state: Routed['state'] };
  }[];
  return held.map(({ labels, receivers, status }) => ({
    one: seenOf(labels),
    receivers: receivers.map(({ name }) => name),
    state: status.state,
  }));
}

export function words({ alert, severity, labels }: Seen): string {
  const place = [
    'system',
    'model',
    'dataset',
    'job',
    'service_name',
    'endpoint',
    'hw_id',
    'reason',
    'signal',
    'instance',
  ]
    .filter((label) => labels[label] !== undefined)
    .map((label) => `${label}=${labels[label]}`);
  return `${alert} (${[severity, ...place].join(', ')})`;
}
