import { askJson } from '../asking/ask.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { clock, zoneName } from '../format/format-time.ts';
import { addKeys, type ViewKey } from '../frame/keys.ts';
import { nameView } from '../frame/page-title.ts';
import { type PageFacts, pageFacts } from '../page-facts.ts';
import { type Route, replaceParameters } from '../route.ts';
import { type Annotated, askAnnotations } from './annotations.ts';
import type { Dashboard } from './dashboard.ts';
import { type Chosen, dashboardControls } from './dashboard-controls.ts';
import { type DashboardFrame, dashboardFrame, drawEvents, drawVerdict } from './dashboard-frame.ts';
import { shortTitle } from './dashboard-links.ts';
import { type PanelOnPage, panelOnPage } from './draw-panel.ts';
import { asRange, moved, zoomed } from './moved-range.ts';
import { foldEmptyRows, placePanels } from './place-panels.ts';
import { durationSeconds, secondsOf, type TimeRange } from './time-range.ts';
import { askVariables, type VariableState, valuesOf } from './variables.ts';

/**
 * One dashboard: variables, time and refresh above, its panels on Grafana's grid of 24 columns
 * below.
 */
export async function showDashboard(
  host: HTMLElement,
  { path, parameters }: Route,
  signal: AbortSignal,
  all: readonly { uid: string; title: string; tags: string[] }[],
): Promise<void> {
  const [, uid = ''] = path;
  const [dashboard, facts] = await Promise.all([
    askJson<Dashboard>(`/page/dashboards/${encodeURIComponent(uid)}`, { signal }),
    pageFacts(signal),
  ]);
  const chosen: Chosen = {
    parameters,
    range: {
      from: parameters.get('from') ?? dashboard.time?.from ?? 'now-15m',
      to: parameters.get('to') ?? dashboard.time?.to ?? 'now',
    },
    refreshEvery: parameters.get('refresh') ?? (dashboard.refresh || 'off'),
  };
  nameView(shortTitle(dashboard.title));
  const frame = dashboardFrame(host, dashboard, { all, facts });
  await new DashboardView({ dashboard, facts, chosen, frame, signal }).refresh();
}

class DashboardView {
  readonly #dashboard: Dashboard;
  readonly #facts: PageFacts;
  readonly #chosen: Chosen;
  readonly #frame: DashboardFrame;
  readonly #left: AbortSignal;
  readonly #onPage: readonly PanelOnPage[];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #superseded = new AbortController();

  constructor(parts: {
    dashboard: Dashboard;
    facts: PageFacts;
    chosen: Chosen;
    frame: DashboardFrame;
    signal: AbortSignal;
  }) {
    const { dashboard, facts, signal } = parts;
    this.#dashboard = dashboard;
    this.#facts = facts;
    this.#chosen = parts.chosen;
    this.#frame = parts.frame;
    this.#left = signal;
    this.#onPage = placePanels(dashboard.panels ?? [], parts.frame.sections, {
      make: (panel) =>
        panelOnPage(panel, {
          dashboard,
          facts,
          signal,
          parameters: parts.chosen.parameters,
          onZoom: (start, end) => this.#show(asRange(start, end)),
        }),
      onOpen: () => void this.refresh(),
    });
    signal.addEventListener('abort', () => clearTimeout(this.#timer));
    addKeys(this.#keys(), signal);
  }

  #keys(): ViewKey[] {
    const { range } = this.#chosen;
    return [
      { keys: '[', does: 'Earlier', act: () => this.#show(moved(range, -0.5)) },
      { keys: ']', does: 'Later', act: () => this.#show(moved(range, 0.5)) },
      { keys: '-', does: 'Zoom out', act: () => this.#show(zoomed(range, 2)) },
      { keys: '+', does: 'Zoom in', act: () => this.#show(zoomed(range, 0.5)) },
      { keys: '.', does: 'Refresh', act: () => void this.refresh() },
    ];
  }

  /** Another time; Back returns to the one before. */
  #show(range: TimeRange): void {
    Object.assign(this.#chosen.range, range);
    this.#chosen.parameters.set('from', range.from);
    this.#chosen.parameters.set('to', range.to);
    this.#changed();
  }

  #changed(): void {
    replaceParameters(this.#chosen.parameters, true);
    void this.refresh();
  }

  /** A new refresh ends the one before, which waits for another choice or time. */
  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#superseded.abort();
    this.#superseded = new AbortController();
    const current = AbortSignal.any([this.#left, this.#superseded.signal]);
    const { host, trouble, renewedAt } = this.#frame;
    trouble.replaceChildren();
    try {
      await this.#draw(current);
      if (current.aborted) return;
      renewedAt.textContent = `as of ${clock(Date.now())} (${zoneName()})`;
      foldEmptyRows(this.#frame.sections, this.#onPage);
      drawVerdict(this.#frame, this.#onPage);
    } catch (error) {
      if (current.aborted) return;
      trouble.replaceChildren(failureNotice(error, () => void this.refresh()));
    }
    host.dataset.renewed = String(Number(host.dataset.renewed ?? 0) + 1);
    this.#schedule();
  }

  async #draw(signal: AbortSignal): Promise<void> {
    const { start, end } = secondsOf(this.#chosen.range);
    const exportSeconds = this.#facts.exportIntervalSeconds;
    const built = { intervalSeconds: exportSeconds, start, end, exportSeconds };
    const states = await askVariables(this.#dashboard, this.#chosen.parameters, { start, end, built }, signal);
    this.#drawControls(states);
    const values = valuesOf(states);
    const annotations = await this.#annotations({ start, end, values, built }, signal);
    drawEvents(this.#frame, annotations);
    const moment = { start, end, values, exportSeconds };
    // Panels beneath a folded row have no width.
    const seen = this.#onPage.filter(({ host }) => host.clientWidth > 0);
    await Promise.all(seen.map((panel) => panel.refresh(moment, annotations, signal)));
  }

  async #annotations(of: Parameters<typeof askAnnotations>[1], signal: AbortSignal): Promise<Annotated[]> {
    try {
      return await askAnnotations(this.#dashboard, of, signal);
    } catch (error) {
      if (isAbort(error)) throw error;
      // A dashboard without its events is still drawn, with a notice.
      this.#frame.trouble.append(failureNotice(error));
      return [];
    }
  }

  #drawControls(states: readonly VariableState[]): void {
    const { controls } = this.#frame;
    const focused = controls.contains(document.activeElement) ? document.activeElement : null;
    // A person who is about to choose keeps the focus; who pressed a button may press it again.
    if (focused && !(focused instanceof HTMLButtonElement)) return;
    controls.replaceChildren(
      ...dashboardControls(states, this.#chosen, {
        onChange: () => this.#changed(),
        onRange: (range) => this.#show(range),
        onRefresh: () => void this.refresh(),
      }),
    );
    const name = focused?.getAttribute('aria-label') ?? focused?.textContent;
    [...controls.querySelectorAll('button')]
      .find((button) => (button.getAttribute('aria-label') ?? button.textContent) === name)
      ?.focus();
  }

  #schedule(): void {
    const { refreshEvery } = this.#chosen;
    if (refreshEvery === 'off') return;
    const refresh = () => void this.refresh();
    this.#timer = setTimeout(() => {
      // A hidden page asks nothing until it is seen again.
      if (document.hidden) document.addEventListener('visibilitychange', refresh, { once: true, signal: this.#left });
      else refresh();
    }, durationSeconds(refreshEvery) * 1000);
  }
}
