import { logLines } from '../asking/backends.ts';
import { ownLink } from '../dashboards/own-link.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import { type PageFacts, pageFacts } from '../page-facts.ts';
import { logTable } from '../request/log-table.ts';
import type { View } from '../route.ts';
import { activeSilences, firedThisWeek } from './alert-facts.ts';
import { type AlertRule, alertRules, firingAlerts, isWatchdog } from './alert-list.ts';
import { firingCard } from './firing-card.ts';
import { callsSomebody, type FiringFault, faultsOf } from './firing-faults.ts';

const renewMs = 15_000;

/**
 * What fires, since when, and what to do about it; every rule; and what fired before. Three stores,
 * each of which may be down alone.
 */
export const showAlerts: View = async (host, { parameters }, signal) => {
  const facts = await pageFacts(signal);
  const firing = element('section', { 'aria-label': 'Firing' });
  const rules = element('section', { 'aria-label': 'Rules' });
  const past = element('section', { 'aria-label': 'What happened' });
  host.append(element('h1', {}, 'Alerts'), firing, rules, past);
  const draw = () =>
    Promise.all([
      part(firing, () => drawFiring({ facts, signal, wanted: parameters.get('alert'), onChange: () => void draw() })),
      part(rules, () => drawRules(facts, signal)),
      part(past, () => drawPast(signal)),
    ]);
  await draw();
  const timer = setInterval(() => !document.hidden && !host.contains(document.activeElement) && void draw(), renewMs);
  signal.addEventListener('abort', () => clearInterval(timer));

  async function part(into: HTMLElement, drawPart: () => Promise<(Node | string)[]>): Promise<void> {
    try {
      into.replaceChildren(...(await drawPart()));
    } catch (error) {
      if (!isAbort(error)) into.replaceChildren(failureNotice(error, () => void part(into, drawPart)));
    }
  }
};

async function drawFiring(of: {
  facts: PageFacts;
  signal: AbortSignal;
  /** The alert that the address names comes first. */
  wanted: string | null;
  onChange: () => void;
}): Promise<Node[]> {
  const { signal, wanted } = of;
  const [alerts, silences, week] = await Promise.all([
    firingAlerts(signal),
    activeSilences(signal),
    firedThisWeek(signal).catch(() => new Map<string, number>()),
  ]);
  const rules = await alertRules(signal).catch(() => []);
  const isWanted = ({ worst }: FiringFault) => Number(worst.labels.alertname === wanted);
  const shown = faultsOf(alerts.filter((alert) => !isWatchdog(alert))).sort((a, b) => isWanted(b) - isWanted(a));
  return [
    firingVerdict(shown, alerts.some(isWatchdog)),
    ...(shown.length > 0
      ? [
          element(
            'ul',
            { class: 'alerts' },
            shown.map((fault) => firingCard(fault, { ...of, silences, week, rules })),
          ),
        ]
      : []),
  ];
}

function firingVerdict(shown: readonly FiringFault[], watched: boolean): HTMLElement {
  const calling = shown.filter(callsSomebody).length;
  const infos = shown.length - calling;
  return element(
    'p',
    { class: `verdict ${calling === 0 ? 'good' : 'bad'}` },
    calling === 0 ? 'No active alerts.' : `${calling} active ${calling === 1 ? 'alert' : 'alerts'}.`,
    infos > 0 && ` ${infos} ${infos === 1 ? 'info' : 'infos'}.`,
    element(
      'span',
      { class: 'quiet' },
      watched ? ' Alert delivery works: the watchdog fires.' : ' The watchdog is silent: alerts may not be delivered.',
    ),
  );
}

async function drawRules(facts: PageFacts, signal: AbortSignal): Promise<Node[]> {
  const all = await alertRules(signal);
  const order = ['firing', 'pending', 'inactive'];
  const sorted = [...all].sort(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || a.name.localeCompare(b.name),
  );
  return [
    element(
      'details',
      { class: 'card' },
      element(
        'summary',
        {},
        element('h2', {}, `${all.length} rules`),
        element('span', { class: 'quiet' }, counted(all)),
      ),
      scrollRegion(
        'Rules',
        gridTable(
          ['Rule', 'State', 'Severity', 'System', 'Fires after', 'Runbook'].map((name) =>
            columnHead(name, name === 'Fires after' || name === 'System' ? 'minor' : undefined),
          ),
          sorted.map((rule) => ruleRow(rule, facts)),
        ),
      ),
    ),
  ];
}

async function drawPast(signal: AbortSignal): Promise<Node[]> {
  const now = Math.ceil(Date.now() / 1000);
  const lines = await logLines(
    {
      query: '{service_name=~"vitrine.*"} | event_type=~"alert|deploy|model_load|model_repository"',
      start: `${now - 86_400}000000000`,
      end: `${now}000000000`,
      limit: 50,
      direction: 'backward',
    },
    signal,
  );
  return [
    element('h2', {}, 'What happened, in the last day'),
    lines.length === 0
      ? emptyNotice('No alert, release or model load was recorded.')
      : logTable(lines, { label: 'Alerts, releases and model loads' }),
  ];
}

/** How many of the rules are in which state, those that matter first. */
function counted(rules: readonly AlertRule[]): string {
  const of = (state: string) => rules.filter((rule) => rule.state === state && rule.name !== 'Watchdog').length;
  return ` ${of('firing')} firing, ${of('pending')} pending, ${of('inactive')} inactive`;
}

function ruleRow(rule: AlertRule, facts: PageFacts): HTMLElement {
  const runbook = ownLink(rule.annotations.runbook ?? rule.annotations.runbook_url ?? '', facts);
  const kind =
    rule.state === 'firing'
      ? rule.labels.severity === 'critical'
        ? 'bad'
        : 'warn'
      : rule.state === 'pending'
        ? 'warn'
        : 'good';
  return element(
    'tr',
    {},
    element(
      'td',
      {},
      element(
        'details',
        {},
        element('summary', {}, rule.name),
        rule.annotations.summary && element('p', { class: 'quiet' }, rule.annotations.summary),
        element('pre', { tabindex: 0 }, element('code', {}, rule.query)),
        rule.lastError && element('p', { class: 'bad-text' }, rule.lastError),
      ),
    ),
    element('td', {}, element('span', { class: `badge ${rule.labels.severity === 'none' ? '' : kind}` }, rule.state)),
    element('td', {}, rule.labels.severity ?? '–'),
    element('td', { class: 'minor' }, rule.labels.system ?? '–'),
    element('td', { class: 'minor' }, rule.duration === 0 ? 'at once' : formatValue(rule.duration, 's')),
    element(
      'td',
      {},
      runbook === undefined ? '–' : element('a', { href: runbook, 'aria-label': `Runbook of ${rule.name}` }, 'Runbook'),
    ),
  );
}
