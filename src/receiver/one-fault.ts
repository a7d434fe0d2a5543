import type { Alert } from './alert-webhook.ts';

/** Labels that do not identify a fault. */
const notOfTheFault = ['system', 'severity', 'team'] as const;

/**
 * Alerts of one name, about one thing, in one state are one fault: several systems may have a rule
 * for it.
 */
export function faultOf({ source, name, labels }: Pick<Alert, 'source' | 'name' | 'labels'>): string {
  const others = Object.entries(labels).filter(([label]) => !(notOfTheFault as readonly string[]).includes(label));
  return JSON.stringify([source, name, others.sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Each fault once, as the worst of its alerts says it, with all their systems in its label. */
export function oneForEachFault(alerts: readonly Alert[]): Alert[] {
  const groups = Map.groupBy(alerts, (alert) => `${alert.state} ${faultOf(alert)}`);
  return [...groups.values()].map((group) => {
    const worst = group.toSorted((a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity))[0]!;
    const systems = [...new Set(group.flatMap(({ labels }) => labels.system ?? []))].sort();
    return systems.length === 0 ? worst : { ...worst, labels: { ...worst.labels, system: systems.join(', ') } };
  });
}

const severities: readonly Alert['severity'][] = ['critical', 'warning', 'info', 'other'];
