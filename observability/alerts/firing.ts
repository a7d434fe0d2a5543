import { series } from '../promql.ts';
import { alertRules, logRuleGroups } from './alerts.ts';
import { isAlert } from './rule.ts';

/**
 * How many faults fire: the one count of the page, the dashboards and `vitrine summary`.
 * Alerts of one name about one thing are one fault, and it counts with its worst severity.
 * Without `severity`: critical and warning together.
 */
export function faultsFiring(severity?: 'critical' | 'warning'): string {
  const inPrometheus = severity === 'warning' ? onlyWarnings : countOf(severity ?? 'critical|warning');
  return `${inPrometheus} + ${inLogs(severity ?? 'critical|warning')}`;
}

/** A series for each fault, with its worst severity. Alerts on logs have one series a name. */
export function faultsNow(): string {
  const of = (severity: string) => `max without (system, team) (${alerts(severity)})`;
  return `
${of('critical')}
or
(${of('warning')} unless ignoring (severity) ${faults('critical')})
or
(${heldByReceiver('critical|warning')} > 0)`;
}

/** What fires, as far as Prometheus' own rules know, by these labels. */
export function faultsBy(labels: readonly string[]): string {
  return `max by (${labels.join(', ')}) (ALERTS{alertstate="firing"})`;
}

/** Labels that do not identify a fault. */
export const notOfTheFault = ['system', 'severity', 'team'] as const;

const alerts = (severities: string) => `ALERTS{alertstate="firing", severity=~"${severities}"}`;
const faults = (severities: string) => `max without (${notOfTheFault.join(', ')}) (${alerts(severities)})`;
const countOf = (severities: string) => `(count(${faults(severities)}) or vector(0))`;
const onlyWarnings = `(count(${faults('warning')} unless ${faults('critical')}) or vector(0))`;

/** Loki's rules leave no series in Prometheus, so the receiver counts the ones that fire. */
function inLogs(severities: string): string {
  return `(sum(${heldByReceiver(severities)}) or vector(0))`;
}

function heldByReceiver(severities: string): string {
  const names = new Set(logRuleGroups.flatMap(({ rules }) => rules.filter(isAlert).map(({ alert }) => alert)));
  const held = series('receiverFiring', { alertname: `~${[...names].join('|')}`, severity: `~${severities}` });
  return `max by (alertname, severity) (${held})`;
}

/** Names that several systems ask for. */
export const sharedNames: readonly string[] = [
  ...Map.groupBy(
    alertRules.filter(({ system }) => system !== undefined),
    ({ alert }) => alert,
  ),
].flatMap(([name, rules]) => (new Set(rules.map(({ system }) => system)).size > 1 ? [name] : []));
