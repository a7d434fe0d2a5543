import { firingAlerts, isWatchdog } from '../alerts/alert-list.ts';
import { callsSomebody, type FiringFault, faultsOf } from '../alerts/firing-faults.ts';
import { askHealth, type Health } from '../asking/ask-health.ts';
import { countInTitle } from './page-title.ts';

/** How the service is, as every view shows it; undefined is what could not be asked. */
export type Standing = {
  alerts: readonly FiringFault[] | undefined;
  /** Alerts that notify somebody, and that nobody silenced. */
  calling: number;
  health: Health | undefined;
};

const everyMs = 15_000;

let last: Standing | undefined;
const listeners = new Set<(standing: Standing) => void>();

/** Asks now and then, as long as somebody looks. */
export function watchStanding(): void {
  const look = () => {
    if (document.hidden) return;
    void askStanding();
  };
  look();
  setInterval(look, everyMs);
  document.addEventListener('visibilitychange', look);
  addEventListener('keychanged', look);
}

/** Asks, and says it to everyone who listens. */
export async function askStanding(): Promise<Standing> {
  const { signal } = new AbortController();
  const [alerts, health] = await Promise.all([
    firingAlerts(signal).then(
      (all) => faultsOf(all.filter((alert) => !isWatchdog(alert))),
      () => undefined,
    ),
    askHealth(signal).catch(() => undefined),
  ]);
  const calling = (alerts ?? []).filter((fault) => callsSomebody(fault) && fault.held === undefined).length;
  last = { alerts, calling, health };
  countInTitle(calling);
  for (const listener of listeners) listener(last);
  return last;
}

/** Calls it with what is known, and again with each change. */
export function onStanding(listener: (standing: Standing) => void, signal?: AbortSignal): void {
  listeners.add(listener);
  signal?.addEventListener('abort', () => listeners.delete(listener));
  if (last) listener(last);
}
