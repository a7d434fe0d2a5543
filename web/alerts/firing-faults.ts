import type { FiringAlert } from './alert-list.ts';

/**
 * Labels that say whose rule it is and whom it calls, not what is at fault; the receiver and the
 * dashboards count without them too.
 */
export const labelsOfTheRule = ['system', 'severity', 'team'] as const;

/**
 * Alerts of one name about one thing, whichever systems have a rule for it: one card, counted once.
 */
export type FiringFault = {
  /** The alert that says it at its worst. */
  readonly worst: FiringAlert;
  readonly systems: readonly string[];
  /** When the first of its alerts began. */
  readonly startsAt: string;
  /** Why nobody is notified: all its alerts are inhibited. */
  readonly held: 'silenced' | 'inhibited by another' | undefined;
};

/** The worst first, and of those the newest. */
export function faultsOf(alerts: readonly FiringAlert[]): FiringFault[] {
  return [...Map.groupBy(alerts, faultKey).values()]
    .map((group) => ({
      worst: group.toSorted((a, b) => rank(a) - rank(b))[0]!,
      systems: [...new Set(group.flatMap(({ labels }) => labels.system ?? []))].sort(),
      startsAt: group.map(({ startsAt }) => startsAt).sort()[0]!,
      held: heldOf(group),
    }))
    .sort((a, b) => rank(a.worst) - rank(b.worst) || b.startsAt.localeCompare(a.startsAt));
}

/** Somebody is notified; an info is only logged. */
export function callsSomebody({ worst }: Pick<FiringFault, 'worst'>): boolean {
  return rank(worst) < severities.indexOf('info');
}

function faultKey({ labels }: FiringAlert): string {
  const others = Object.entries(labels).filter(([name]) => !(labelsOfTheRule as readonly string[]).includes(name));
  return JSON.stringify(others.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function heldOf(alerts: readonly FiringAlert[]): FiringFault['held'] {
  if (alerts.some(({ status }) => status.state !== 'suppressed')) return undefined;
  return alerts.some(({ status }) => status.silencedBy.length > 0) ? 'silenced' : 'inhibited by another';
}

const severities = ['critical', 'warning', 'info'];

function rank({ labels }: FiringAlert): number {
  const at = severities.indexOf(labels.severity ?? '');
  return at < 0 ? severities.length : at;
}
