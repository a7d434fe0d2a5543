import { element } from '../dom/element.ts';
import { clock } from '../format/format-time.ts';
import { grafanaLink } from '../grafana-link.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Annotated } from './annotations.ts';
import type { Dashboard } from './dashboard.ts';
import { dashboardNavigation, linksOf, shortTitle } from './dashboard-links.ts';
import type { PanelOnPage } from './draw-panel.ts';
import { verdictLine } from './verdict-line.ts';

/** The empty places of a dashboard, which each refresh fills. */
export type DashboardFrame = ReturnType<typeof dashboardFrame>;

export function dashboardFrame(
  host: HTMLElement,
  dashboard: Dashboard,
  { all, facts }: { all: readonly { uid: string; title: string }[]; facts: PageFacts },
) {
  const places = {
    host,
    controls: element('div', { class: 'controls' }),
    renewedAt: element('span', { class: 'quiet', role: 'status' }),
    trouble: element('div', { class: 'trouble' }),
    verdict: element('div', { class: 'verdict-place', role: 'status' }),
    events: element('details', { class: 'events', hidden: true }),
    sections: element('div', { class: 'sections' }),
  };
  const grafana = grafanaLink(facts, `/d/${dashboard.uid}`);
  const links = [
    ...linksOf(dashboard, facts),
    ...(grafana === undefined ? [] : [element('a', { href: grafana }, 'In Grafana')]),
  ];
  host.append(
    dashboardNavigation(all, dashboard.uid),
    element('div', { class: 'dashboard-head' }, headOf(dashboard, places.renewedAt), places.controls),
    places.verdict,
    places.trouble,
    element('div', { class: 'toolbar' }, places.events, element('div', { class: 'links' }, links)),
    places.sections,
  );
  return places;
}

function headOf(dashboard: Dashboard, renewedAt: HTMLElement): HTMLElement {
  return element(
    'div',
    {},
    element('div', { class: 'title-row' }, element('h1', {}, shortTitle(dashboard.title)), renewedAt),
    dashboard.description && element('p', { class: 'quiet lead' }, dashboard.description),
  );
}

export function drawVerdict({ verdict, sections }: DashboardFrame, onPage: readonly PanelOnPage[]): void {
  const line = verdictLine(
    onPage.flatMap((panel) => panel.judged()),
    (panel) => {
      const found = sections.querySelector<HTMLElement>(`[data-panel="${panel.id}"]`);
      found?.scrollIntoView({ block: 'center' });
      found?.focus();
    },
  );
  verdict.replaceChildren(...(line ? [line] : []));
}

export function drawEvents({ events }: DashboardFrame, found: readonly Annotated[]): void {
  events.hidden = found.length === 0;
  events.replaceChildren(
    element('summary', {}, `${found.length} ${found.length === 1 ? 'event' : 'events'} in this time`),
    element('ul', {}, found.toReversed().map(eventLine)),
  );
}

function eventLine({ at, text, colour, name }: Annotated): HTMLElement {
  return element(
    'li',
    {},
    element('i', { style: { background: colour } }),
    element('time', {}, clock(at * 1000)),
    ` ${name}: ${text}`,
  );
}
