import { logLines } from '../asking/backends.ts';
import { ownLink } from '../dashboards/own-link.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { ago, dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { type PageFacts, pageFacts } from '../page-facts.ts';
import { logTable } from '../request/log-table.ts';
import type { View } from '../route.ts';
import { type AlertRule, alertRules, firingAlerts, isWatchdog } from './alert-list.ts';
import { callsSomebody, type FiringFault, faultsOf } from './firing-faults.ts';

const renewMs = 15_000;

/**
 * What fires, since when, and what to do about it; every rule; and what fired before. Three stores,
 * each of which may be down alone.
 */
export const showAlerts: View = async (host, _route, signal) => {
  const facts = await pageFacts(signal);
  const firing = element('section', { 'aria-label': 'Firing' });
  const rules = element('section', { 'aria-label': 'Rules' });
  const past = element('section', { 'aria-label': 'What happened' });
  host.append(element('h1', {}, 'Alerts'), firing, rules, past);
  const draw = () =>
    Promise.all([
      part(firing, () => drawFiring(facts, signal)),
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

async function drawFiring(facts: PageFacts, signal: AbortSignal): Promise<Node[]> {
  const alerts = await firingAlerts(signal);
  const watched = alerts.some(isWatchdog);
  const shown = faultsOf(alerts.filter((alert) => !isWatchdog(alert)));
  const calling = shown.filter(callsSomebody).length;
  const infos = shown.length - calling;
  return [
    element(
      'p',
      { class: `verdict ${calling === 0 ? 'good' : 'bad'}` },
      calling === 0 ? 'No active alerts.' : `${calling} active ${calling === 1 ? 'alert' : 'alerts'}.`,
      infos > 0 && ` ${infos} ${infos === 1 ? 'info' : 'infos'}.`,
      element(
        'span',
        { class: 'quiet' },
        watched
          ? ' Alert delivery works: the watchdog fires.'
          : ' The watchdog is silent: alerts may not be delivered.',
      ),
    ),
    ...(shown.length > 0
      ? [
          element(
            'ul',
            { class: 'alerts' },
            shown.map((fault) => firingCard(fault, facts)),
          ),
        ]
      : []),
  ];
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

function firingCard({ worst, systems, startsAt, held }: FiringFault, facts: PageFacts): HTMLElement {
  const { labels, annotations } = worst;
  const { alertname = 'Alert', severity = '', system: _, ...others } = labels;
  const links = [
    ['Runbook', annotations.runbook ?? annotations.runbook_url],
    ['Dashboard', annotations.dashboard ?? annotations.dashboard_url],
  ] as const;
  return element(
    'li',
    { class: `card alert ${severity}` },
    element(
      'header',
      { class: 'title-row' },
      element(
        'span',
        { class: `badge ${severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : ''}` },
        severity || 'alert',
      ),
      element('h2', {}, alertname),
      held && element('span', { class: 'badge' }, held),
      element(
        'time',
        { class: 'quiet', datetime: startsAt, title: dayAndClock(Date.parse(startsAt)) },
        `began ${ago(Date.parse(startsAt))}`,
      ),
    ),
    element('p', {}, annotations.summary ?? ''),
    annotations.description && element('p', { class: 'quiet' }, annotations.description),
    element(
      'div',
      { class: 'row' },
      links.flatMap(([name, url]) => {
        const target = ownLink(url ?? '', facts);
        return target === undefined ? [] : [element('a', { class: 'button', href: target }, name)];
      }),
      labels.model &&
        element(
          'a',
          { class: 'button', href: `#/requests?order=failed&model=${encodeURIComponent(labels.model)}` },
          'Failed requests',
        ),
    ),
    element(
      'p',
      { class: 'labels' },
      Object.entries(others).map(([name, value]) => element('span', {}, `${name}=${value}`)),
      systems.length > 0 && element('span', {}, `${systems.length === 1 ? 'system' : 'systems'}=${systems.join(', ')}`),
    ),
  );
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
