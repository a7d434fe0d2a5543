import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { clock } from '../format/format-time.ts';
import { grafanaLink } from '../grafana-link.ts';
import { pageFacts } from '../page-facts.ts';
import { type Route, replaceParameters } from '../route.ts';
import { askAnnotations } from './annotations.ts';
import type { Dashboard, Panel } from './dashboard.ts';
import { dashboardNavigation, linksOf, shortTitle } from './dashboard-links.ts';
import { type PanelOnPage, panelOnPage } from './draw-panel.ts';
import { durationSeconds, secondsOf, type TimeRange } from './time-range.ts';
import { askVariables, valuesOf, variableControls } from './variables.ts';
import { verdictLine } from './verdict-line.ts';

const ranges = ['5m', '15m', '1h', '3h', '12h', '24h', '7d'];
const refreshes = ['off', '5s', '10s', '30s', '1m', '5m'];

/** One dashboard: variables, time and refresh above, its panels on Grafana's grid of 24 columns below. */
export async function showDashboard(
  host: HTMLElement,
  { path, parameters }: Route,
  signal: AbortSignal,
  dashboards: readonly { uid: string; title: string; tags: string[] }[],
): Promise<void> {
  const [, uid = ''] = path;
  const [dashboard, facts] = await Promise.all([
    askJson<Dashboard>(`/page/dashboards/${encodeURIComponent(uid)}`, { signal }),
    pageFacts(signal),
  ]);
  const range: TimeRange = {
    from: parameters.get('from') ?? dashboard.time?.from ?? 'now-15m',
    to: parameters.get('to') ?? dashboard.time?.to ?? 'now',
  };
  let refreshEvery = parameters.get('refresh') ?? (dashboard.refresh || 'off');
  const controls = element('div', { class: 'controls' });
  const renewedAt = element('span', { class: 'quiet', role: 'status' });
  const trouble = element('div', { class: 'trouble' });
  const verdict = element('div', { class: 'verdict-place', role: 'status' });
  const events = element('details', { class: 'events', hidden: true });
  const sections = element('div', { class: 'sections' });
  const onPage: PanelOnPage[] = [];
  host.append(
    dashboardNavigation(dashboards, dashboard.uid),
    element(
      'div',
      { class: 'dashboard-head' },
      element(
        'div',
        {},
        element('div', { class: 'title-row' }, element('h1', {}, shortTitle(dashboard.title)), renewedAt),
        dashboard.description && element('p', { class: 'quiet lead' }, dashboard.description),
      ),
      controls,
    ),
    verdict,
    trouble,
    element(
      'div',
      { class: 'toolbar' },
      events,
      element('div', { class: 'links' }, linksOf(dashboard, facts), grafanaOf()),
    ),
    sections,
  );
  place(dashboard.panels ?? [], sections);
  let timer: ReturnType<typeof setTimeout> | undefined;
  let superseded = new AbortController();
  signal.addEventListener('abort', () => clearTimeout(timer));
  await renew();

  function grafanaOf(): HTMLElement | undefined {
    const target = grafanaLink(facts, `/d/${dashboard.uid}`);
    return target === undefined ? undefined : element('a', { href: target }, 'In Grafana');
  }

  /** Panels on the grid of their section; those beneath a folded row are asked for once it is opened. */
  function place(panels: readonly Panel[], into: HTMLElement): void {
    let section = newSection(0);
    into.append(section.grid);
    for (const panel of panels) {
      if (panel.type !== 'row') {
        section.add(panel);
        continue;
      }
      section = newSection((panel.gridPos?.y ?? 0) + 1);
      into.append(foldable(panel, section.grid));
      for (const inner of panel.panels ?? []) section.add(inner);
    }
  }

  function foldable(row: Panel, grid: HTMLElement): HTMLElement {
    let isOpen = row.collapsed !== true;
    const section: HTMLDetailsElement = element(
      'details',
      {
        class: 'row-panel',
        open: isOpen,
        ontoggle: () => {
          // The browser tells also that it begins open.
          if (section.open === isOpen) return;
          isOpen = section.open;
          if (isOpen) void renew();
        },
      },
      element('summary', {}, element('h2', {}, row.title ?? '')),
      grid,
    );
    return section;
  }

  function newSection(top: number) {
    const grid = element('div', { class: 'grid' });
    const add = (panel: Panel) => {
      const made = panelOnPage(panel, dashboard, facts, signal);
      made.host.style.setProperty('--y', String(Math.max(1, (panel.gridPos?.y ?? 0) - top + 1)));
      grid.append(made.host);
      onPage.push(made);
    };
    return { grid, add };
  }

  /** One at a time, and the last one counts: what an earlier one still waits for is of another choice or time. */
  async function renew(): Promise<void> {
    clearTimeout(timer);
    superseded.abort();
    superseded = new AbortController();
    const current = AbortSignal.any([signal, superseded.signal]);
    const { start, end } = secondsOf(range);
    const built = {
      intervalSeconds: facts.exportIntervalSeconds,
      start,
      end,
      exportSeconds: facts.exportIntervalSeconds,
    };
    trouble.replaceChildren();
    try {
      const states = await askVariables(dashboard, parameters, { start, end, built }, current);
      drawControls(states);
      const values = valuesOf(states);
      const found = await askAnnotations(dashboard, { start, end, values, built }, current).catch((error: unknown) => {
        if (isAbort(error)) throw error;
        // Without its events a dashboard is still worth drawing; that they are missing is said.
        trouble.append(failureNotice(error));
        return [];
      });
      drawEvents(found);
      const moment = { start, end, values, exportSeconds: facts.exportIntervalSeconds };
      await Promise.all(
        onPage.filter(({ host: panel }) => panel.clientWidth > 0).map((panel) => panel.refresh(moment, found, current)),
      );
      if (current.aborted) return;
      renewedAt.textContent = `as of ${clock(Date.now())}`;
      drawVerdict();
    } catch (error) {
      if (current.aborted) return;
      trouble.replaceChildren(failureNotice(error, () => void renew()));
    }
    host.dataset.renewed = String(Number(host.dataset.renewed ?? 0) + 1);
    if (refreshEvery === 'off') return;
    timer = setTimeout(() => (document.hidden ? again() : void renew()), durationSeconds(refreshEvery) * 1000);
  }

  function drawVerdict(): void {
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

  /** Nobody looks: nothing is asked until somebody does. */
  function again(): void {
    document.addEventListener('visibilitychange', () => void renew(), { once: true, signal });
  }

  function drawEvents(found: Awaited<ReturnType<typeof askAnnotations>>): void {
    events.hidden = found.length === 0;
    events.replaceChildren(
      element('summary', {}, `${found.length} ${found.length === 1 ? 'event' : 'events'} in this time`),
      element(
        'ul',
        {},
        [...found]
          .reverse()
          .map(({ at, text, colour, name }) =>
            element(
              'li',
              {},
              element('i', { style: { background: colour } }),
              element('time', {}, clock(at * 1000)),
              ` ${name}: ${text}`,
            ),
          ),
      ),
    );
  }

  function drawControls(states: Awaited<ReturnType<typeof askVariables>>): void {
    // Whoever is about to choose keeps their place.
    if (controls.contains(document.activeElement)) return;
    const current = range.to === 'now' ? range.from.replace('now-', '') : 'custom';
    controls.replaceChildren(
      ...variableControls(states, (name, values) => {
        parameters.delete(`var-${name}`);
        for (const value of values) parameters.append(`var-${name}`, value);
        changed();
      }),
      choice(
        'Time',
        'range',
        [...new Set([...ranges, current])].map((value) => [value, value === 'custom' ? 'chosen' : `last ${value}`]),
        current,
        (value) => {
          range.from = `now-${value}`;
          range.to = 'now';
          parameters.set('from', range.from);
          parameters.set('to', 'now');
          changed();
        },
      ),
      choice(
        'Refresh',
        'refresh',
        [...new Set([...refreshes, refreshEvery])].map((value) => [value, value]),
        refreshEvery,
        (value) => {
          refreshEvery = value;
          parameters.set('refresh', value);
          changed();
        },
      ),
      element('button', { type: 'button', class: 'small', onclick: () => void renew() }, 'Renew'),
    );
  }

  function changed(): void {
    replaceParameters(parameters);
    void renew();
  }
}

function choice(
  label: string,
  id: string,
  options: [string, string][],
  current: string,
  chosen: (value: string) => void,
): HTMLElement {
  const select = element(
    'select',
    { id, onchange: () => chosen(select.value) },
    options.map(([value, text]) => element('option', { value, selected: value === current }, text)),
  );
  return element('div', { class: 'control' }, element('label', { for: id }, label), select);
}
