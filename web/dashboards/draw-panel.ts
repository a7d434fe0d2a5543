import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { grafanaLink } from '../grafana-link.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Annotated } from './annotations.ts';
import type { Dashboard, Panel } from './dashboard.ts';
import { interpolate } from './interpolate.ts';
import { type Judged, judged } from './judge-values.ts';
import { ownLink } from './own-link.ts';
import { askPanel, builtAt, type Moment, type PanelData } from './panel-data.ts';
import { drawBarGauge } from './panels/bar-gauge.ts';
import { drawGauge } from './panels/gauge.ts';
import { drawHeatmap } from './panels/heatmap.ts';
import { drawLogs } from './panels/logs.ts';
import type { DrawPanel } from './panels/panel-view.ts';
import { pointsTable } from './panels/points-table.ts';
import { drawStat } from './panels/stat.ts';
import { drawTable } from './panels/table.ts';
import { drawText } from './panels/text.ts';
import { drawTimeSeries } from './panels/time-series.ts';
import { drawTraces } from './panels/traces.ts';

const drawing: Readonly<Record<string, DrawPanel>> = {
  timeseries: drawTimeSeries,
  stat: drawStat,
  gauge: drawGauge,
  bargauge: drawBarGauge,
  table: drawTable,
  heatmap: drawHeatmap,
  logs: drawLogs,
  traces: drawTraces,
  text: drawText,
};

export type PanelOnPage = {
  host: HTMLElement;
  /** What it asks is not drawn once `signal` says that it is not wanted any more. */
  refresh(moment: Moment, annotations: readonly Annotated[], signal: AbortSignal): Promise<void>;
  /** What its thresholds say of what was drawn last. */
  judged(): Judged[];
};

/** A panel's frame, with what leads on from it; `refresh` asks and draws. */
export function panelOnPage(panel: Panel, dashboard: Dashboard, facts: PageFacts, left: AbortSignal): PanelOnPage {
  const body = element('div', { class: 'panel-body' });
  const about = element('p', { class: 'panel-about', hidden: true, id: `about-${panel.id}` }, panel.description ?? '');
  const state = element('span', { class: 'panel-state', role: 'status' });
  const host = element(
    'section',
    {
      class: `panel panel-${panel.type}`,
      'aria-label': panel.title || 'Panel',
      tabindex: -1,
      'data-panel': panel.id,
      'data-type': panel.type,
      style: panel.gridPos
        ? { '--x': `${panel.gridPos.x + 1}`, '--w': `${panel.gridPos.w}`, '--h': `${panel.gridPos.h}` }
        : {},
    },
    head(),
    about,
    body,
  );
  const isClosed = !facts.admin && readsGuardedStreams(panel);
  let drawn = new AbortController();
  let asTable = false;
  let last: { data: PanelData; moment: Moment; annotations: readonly Annotated[] } | undefined;
  left.addEventListener('abort', () => drawn.abort());
  return { host, refresh, judged: () => (last && !isClosed ? judged(panel, last.data) : []) };

  async function refresh(moment: Moment, annotations: readonly Annotated[], signal: AbortSignal): Promise<void> {
    const pointsMax = Math.max(60, Math.min(400, Math.floor(host.clientWidth / 4)));
    try {
      const data = await askPanel(panel, moment, pointsMax, signal);
      if (signal.aborted) return;
      last = { data, moment, annotations };
      host.dataset.state = 'drawn';
      state.replaceChildren();
      draw();
      mark();
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      host.dataset.state = 'failed';
      // What was drawn before stays, and is said to be old.
      if (last)
        state.replaceChildren(
          element('span', { class: 'stale', title: error instanceof Error ? error.message : '' }, 'not renewed'),
        );
      else body.replaceChildren(failureNotice(error));
    }
  }

  function draw(): void {
    if (!last) return;
    drawn.abort();
    drawn = new AbortController();
    const { data, moment, annotations } = last;
    const built = builtAt(moment, data.step);
    const context = {
      panel,
      data,
      facts,
      annotations,
      signal: drawn.signal,
      interpolated: (text: string) => interpolate(text, moment.values, built),
    };
    body.replaceChildren();
    body.className = 'panel-body';
    if (isClosed) body.append(emptyNotice('Only the administrator reads these lines: give the token under “Key”.'));
    else if (asTable) body.append(pointsTable(context));
    else drawing[panel.type]?.(body, context);
  }

  /** At its edge, what its thresholds say. */
  function mark(): void {
    const found = last && !isClosed ? judged(panel, last.data).map(({ is }) => is) : [];
    host.dataset.verdict = found.includes('bad') ? 'bad' : found.includes('warn') ? 'warn' : '';
  }

  function head(): HTMLElement {
    const tools = element('div', { class: 'panel-tools' });
    const hasPoints = ['timeseries', 'heatmap'].includes(panel.type);
    if (panel.description) tools.append(toggle('About', 'i', (on) => (about.hidden = !on)));
    if (hasPoints)
      tools.append(
        toggle('As a table', '▦', (on) => {
          asTable = on;
          draw();
        }),
      );
    for (const { title, url } of panel.links ?? []) {
      const target = ownLink(url, facts);
      if (target !== undefined)
        tools.append(element('a', { href: target, 'aria-label': `${title}: ${panel.title}`, title }, '↗'));
    }
    const grafana = grafanaLink(facts, `/d/${dashboard.uid}?viewPanel=${panel.id}`);
    if (grafana)
      tools.append(
        element('a', { href: grafana, title: 'In Grafana', 'aria-label': `${panel.title} in Grafana` }, 'G'),
      );
    return element('header', { class: 'panel-head' }, element('h3', {}, panel.title ?? ''), state, tools);
  }

  function toggle(name: string, sign: string, changed: (on: boolean) => void): HTMLElement {
    const button = element(
      'button',
      {
        type: 'button',
        title: name,
        'aria-label': `${name}: ${panel.title}`,
        'aria-pressed': 'false',
        onclick: () => {
          const on = button.getAttribute('aria-pressed') !== 'true';
          button.setAttribute('aria-pressed', String(on));
          changed(on);
        },
      },
      sign,
    );
    return button;
  }
}

/** Streams that the proxy leaves out for everybody else (src/api/backends-proxy): nothing there is not the same as nothing to see. */
function readsGuardedStreams({ targets = [] }: Panel): boolean {
  return targets.some(({ expr = '' }) => /log_stream=~?"[^"]*(audit|security)/.test(expr));
}
