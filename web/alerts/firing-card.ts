import { ownLink } from '../dashboards/own-link.ts';
import { element } from '../dom/element.ts';
import { sparkline } from '../dom/sparkline.ts';
import { ago, dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import type { PageFacts } from '../page-facts.ts';
import { hashOf } from '../route.ts';
import { type Silence, valueOverTime } from './alert-facts.ts';
import type { AlertRule } from './alert-list.ts';
import type { FiringFault } from './firing-faults.ts';
import { silenceControls } from './silence-controls.ts';
import { withoutComparison } from './without-comparison.ts';

type Parts = {
  facts: PageFacts;
  silences: readonly Silence[];
  /** How often each alert fired this week. */
  week: ReadonlyMap<string, number>;
  rules: readonly AlertRule[];
  onChange: () => void;
  signal: AbortSignal;
};

/** One fault: what, since when, how often, its value as a line, and what can be done. */
export function firingCard(fault: FiringFault, parts: Parts): HTMLElement {
  const { worst, systems, startsAt } = fault;
  const { labels, annotations } = worst;
  const { alertname = 'Alert', severity = '', system: _, ...others } = labels;
  const rule = parts.rules.find(({ name }) => name === alertname);
  return element(
    'li',
    { class: `card alert ${severity}`, 'data-alert': alertname },
    cardHead(fault, parts.week.get(alertname)),
    element('p', {}, annotations.summary ?? ''),
    annotations.description && element('p', { class: 'quiet' }, annotations.description),
    rule && valueLine(rule, parts.signal),
    element('div', { class: 'row' }, links(fault, rule, parts.facts)),
    silenceControls(fault, parts),
    element(
      'p',
      { class: 'labels' },
      element('span', {}, `since ${dayAndClock(Date.parse(startsAt))}`),
      Object.entries(others).map(([name, value]) => element('span', {}, `${name}=${value}`)),
      systems.length > 0 && element('span', {}, `${systems.length === 1 ? 'system' : 'systems'}=${systems.join(', ')}`),
    ),
  );
}

function cardHead({ worst, startsAt, held }: FiringFault, thisWeek: number | undefined): HTMLElement {
  const { alertname = 'Alert', severity = '' } = worst.labels;
  return element(
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
    thisWeek !== undefined &&
      element('span', { class: 'quiet' }, thisWeek === 1 ? 'once this week' : `${thisWeek} times this week`),
  );
}

function links({ worst: { labels, annotations } }: FiringFault, rule: AlertRule | undefined, facts: PageFacts) {
  const outside = [
    ['Runbook', annotations.runbook ?? annotations.runbook_url],
    ['Dashboard', annotations.dashboard ?? annotations.dashboard_url],
  ] as const;
  const button = (name: string, href: string) => element('a', { class: 'button', href }, name);
  return [
    outside.flatMap(([name, url]) => {
      const target = ownLink(url ?? '', facts);
      return target === undefined ? [] : [button(name, target)];
    }),
    rule &&
      button(
        'Query',
        hashOf(
          ['queries'],
          new URLSearchParams({ language: 'promql', query: withoutComparison(rule.query), from: 'now-1h', to: 'now' }),
        ),
      ),
    labels.model &&
      button('Failed requests', hashOf(['requests'], new URLSearchParams({ order: 'failed', model: labels.model }))),
  ];
}

/** Filled in when it is known; a rule whose value cannot be asked has none. */
function valueLine({ query }: AlertRule, signal: AbortSignal): HTMLElement {
  const host = element('div', { class: 'alert-figures' });
  void valueOverTime(query, signal).then(
    (values) => {
      const last = values.findLast((value) => value !== null);
      if (values.length < 2 || last === undefined || last === null) return;
      host.append(
        sparkline(values, `Its value in the last hour, now ${formatValue(last)}`),
        element('b', {}, formatValue(last)),
      );
    },
    () => undefined,
  );
  return host;
}
