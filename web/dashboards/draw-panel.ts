import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { saveFile } from '../dom/save-file.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Annotated } from './annotations.ts';
import type { Dashboard, Panel } from './dashboard.ts';
import { interpolate } from './interpolate.ts';
import { type Judged, judged } from './judge-values.ts';
import { askPanel, builtAt, type Moment, type PanelData } from './panel-data.ts';
import { PanelMemory } from './panel-memory.ts';
import { panelTools } from './panel-tools.ts';
import { drawBarGauge } from './panels/bar-gauge.ts';
import { drawGauge } from './panels/gauge.ts';
import { drawHeatmap } from './panels/heatmap.ts';
import { drawLogs } from './panels/logs.ts';
import type { DrawPanel } from './panels/panel-view.ts';
import { pointsAsCsv, pointsTable } from './panels/points-table.ts';
import { drawStat } from './panels/stat.ts';
import { drawStateTimeline } from './panels/state-timeline.ts';
import { drawTable } from './panels/table.ts';
import { drawText } from './panels/text.ts';
import { drawTimeSeries } from './panels/time-series.ts';
import { drawTraces } from './panels/traces.ts';
import { queryLink } from './query-link.ts';

const drawing: Readonly<Record<string, DrawPanel>> = {
  timeseries: drawTimeSeries,
  stat: drawStat,
  gauge: drawGauge,
  bargauge: drawBarGauge,
  table: drawTable,
  heatmap: drawHeatmap,
  'state-timeline': drawStateTimeline,
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
  /** Answered, with nothing to draw. */
  readonly isEmpty: boolean;
};

/** A panel's frame and links; `refresh` asks and draws. */
export function panelOnPage(panel: Panel, of: PanelParts): PanelOnPage {
  return new PanelView(panel, of);
}

export type PanelParts = {
  dashboard: Dashboard;
  facts: PageFacts;
  signal: AbortSignal;
  /** Of the address; left out where it has nothing of this panel. */
  parameters?: URLSearchParams;
  onZoom?: (start: number, end: number) => void;
};

class PanelView implements PanelOnPage {
  readonly host: HTMLElement;
  readonly #panel: Panel;
  readonly #facts: PageFacts;
  readonly #body = element('div', { class: 'panel-body' });
  readonly #state = element('span', { class: 'panel-state', role: 'status' });
  readonly #isClosed: boolean;
  readonly #memory: PanelMemory;
  readonly #onZoom: PanelParts['onZoom'];
  #drawn = new AbortController();
  #asTable = false;
  #last: { data: PanelData; moment: Moment; annotations: readonly Annotated[] } | undefined;

  constructor(panel: Panel, { dashboard, facts, signal: left, parameters, onZoom }: PanelParts) {
    this.#panel = panel;
    this.#facts = facts;
    this.#memory = new PanelMemory(panel.id, parameters);
    this.#onZoom = onZoom;
    this.#isClosed = !facts.admin && readsGuardedStreams(panel);
    const about = element(
      'p',
      { class: 'panel-about', hidden: true, id: `about-${panel.id}` },
      panel.description ?? '',
    );
    const tools = panelTools(panel, dashboard, facts, {
      onAbout: (on) => {
        about.hidden = !on;
      },
      onTable: (on) => {
        this.#asTable = on;
        this.#draw();
      },
      onQuery: () => this.#openQuery(),
      onSave: () => this.#save(),
    });
    const head = element('header', { class: 'panel-head' }, element('h3', {}, panel.title ?? ''), this.#state, tools);
    this.host = panelSection(panel, [head, about, this.#body]);
    left.addEventListener('abort', () => this.#drawn.abort());
  }

  get isEmpty(): boolean {
    return this.host.dataset.state === 'drawn' && this.#body.querySelector('.notice.empty') !== null;
  }

  judged(): Judged[] {
    return this.#last && !this.#isClosed ? judged(this.#panel, this.#last.data) : [];
  }

  async refresh(moment: Moment, annotations: readonly Annotated[], signal: AbortSignal): Promise<void> {
    const pointsMax = Math.max(60, Math.min(400, Math.floor(this.host.clientWidth / 4)));
    try {
      const data = await askPanel(this.#panel, moment, pointsMax, signal);
      if (signal.aborted) return;
      this.#last = { data, moment, annotations };
      this.host.dataset.state = 'drawn';
      this.#state.replaceChildren();
      this.#draw();
      this.#mark();
    } catch (error) {
      if (signal.aborted || isAbort(error)) return;
      this.#fail(error);
    }
  }

  /** Its first query, as it was asked, where it can be changed. */
  #openQuery(): void {
    const { moment, data } = this.#last ?? {};
    if (!moment || !data) return;
    location.hash = queryLink(this.#panel, moment, builtAt(moment, data.step));
  }

  /** Its points, as a spreadsheet reads them. */
  #save(): void {
    if (this.#last)
      void saveFile(`${this.#panel.title ?? 'panel'}.csv`, 'text/csv', pointsAsCsv(this.#panel, this.#last.data));
  }

  /** What was drawn before stays, marked as old. */
  #fail(error: unknown): void {
    this.host.dataset.state = 'failed';
    const reason = error instanceof Error ? error.message : '';
    if (this.#last) this.#state.replaceChildren(element('span', { class: 'stale', title: reason }, 'stale'));
    else this.#body.replaceChildren(failureNotice(error));
  }

  #draw(): void {
    if (!this.#last) return;
    this.#drawn.abort();
    this.#drawn = new AbortController();
    const { data, moment, annotations } = this.#last;
    const built = builtAt(moment, data.step);
    const context = {
      panel: this.#panel,
      data,
      facts: this.#facts,
      annotations,
      signal: this.#drawn.signal,
      interpolated: (text: string) => interpolate(text, moment.values, built),
      memory: this.#memory,
      onZoom: this.#onZoom,
    };
    const body = this.#body;
    body.replaceChildren();
    body.className = 'panel-body';
    if (this.#isClosed)
      body.append(emptyNotice('Only the administrator reads these lines: give the token under “Key”.'));
    else if (this.#asTable) body.append(pointsTable(context));
    else drawing[this.#panel.type]?.(body, context);
    for (const note of new Set(data.notes)) body.append(element('p', { class: 'panel-note quiet' }, note));
  }

  /** The edge of the panel shows what its thresholds say. */
  #mark(): void {
    const found = this.judged().map(({ is }) => is);
    this.host.dataset.verdict = found.includes('bad') ? 'bad' : found.includes('warn') ? 'warn' : '';
  }
}

function panelSection(panel: Panel, children: HTMLElement[]): HTMLElement {
  return element(
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
    children,
  );
}

/**
 * Streams that the proxy leaves out for everybody else (src/api/backends-proxy): nothing there is
 * not the same as nothing to see.
 */
function readsGuardedStreams({ targets = [] }: Panel): boolean {
  return targets.some(({ expr = '' }) => /log_stream=~?"[^"]*(audit|security)/.test(expr));
}
