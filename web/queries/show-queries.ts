import { type PanelOnPage, panelOnPage } from '../dashboards/draw-panel.ts';
import { timeControl } from '../dashboards/time-control.ts';
import { secondsOf, type TimeRange } from '../dashboards/time-range.ts';
import { element } from '../dom/element.ts';
import { failureNotice } from '../dom/notice.ts';
import { addKeys } from '../frame/keys.ts';
import { type PageFacts, pageFacts } from '../page-facts.ts';
import { replaceParameters, type View } from '../route.ts';
import { queryExamples } from './query-examples.ts';
import { queryHistory, rememberQuery } from './query-history.ts';
import { type Language, languages, languageTitles, queryPanel } from './query-panel.ts';

/** Any question to the stores, as a chart or a table; the address has it. */
export const showQueries: View = async (host, { parameters }, signal) => {
  const bench = new QueryBench(parameters, await pageFacts(signal), signal);
  host.append(element('h1', {}, 'Queries'), bench.host);
  bench.draw();
  addKeys([{ keys: 'e', does: 'Edit the query', act: () => bench.focus() }], signal);
};

class QueryBench {
  readonly host = element('div', { class: 'room' });
  readonly #parameters: URLSearchParams;
  readonly #facts: PageFacts;
  readonly #left: AbortSignal;
  readonly #controls = element('div', { class: 'controls' });
  readonly #suggestions = element('div', { class: 'fact-columns' });
  readonly #result = element('div', { class: 'query-result' });
  readonly #text: HTMLTextAreaElement;
  #superseded = new AbortController();

  constructor(parameters: URLSearchParams, facts: PageFacts, signal: AbortSignal) {
    this.#parameters = parameters;
    this.#facts = facts;
    this.#left = signal;
    this.#text = element('textarea', {
      id: 'query',
      rows: 3,
      spellcheck: 'false',
      maxlength: 8000,
      onkeydown: (event) => {
        const { key, ctrlKey, metaKey } = event as KeyboardEvent;
        if (key === 'Enter' && (ctrlKey || metaKey)) this.#run();
      },
    });
    this.host.append(
      this.#controls,
      element(
        'form',
        {
          class: 'query-form',
          onsubmit: (event) => {
            event.preventDefault();
            this.#run();
          },
        },
        element('label', { for: 'query', class: 'hidden-text' }, 'Query'),
        this.#text,
        element('button', { type: 'submit', class: 'primary', title: 'Ctrl Enter' }, 'Run'),
      ),
      this.#result,
      this.#suggestions,
    );
  }

  focus(): void {
    this.#text.focus();
  }

  get #language(): Language {
    return languages.find((each) => each === this.#parameters.get('language')) ?? 'promql';
  }

  get #range(): TimeRange {
    return { from: this.#parameters.get('from') ?? 'now-15m', to: this.#parameters.get('to') ?? 'now' };
  }

  get #asTable(): boolean {
    return this.#parameters.get('as') === 'table';
  }

  /** As the address says. */
  draw(): void {
    this.#text.value = this.#parameters.get('query') ?? queryExamples[this.#language][0]![1];
    this.#drawControls();
    this.#drawSuggestions();
    if (this.#parameters.has('query')) void this.#ask();
  }

  #run(): void {
    const query = this.#text.value.trim();
    if (query === '') return;
    rememberQuery({ language: this.#language, query });
    this.#change({ query });
  }

  #change(changes: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(changes)) this.#parameters.set(name, value);
    replaceParameters(this.#parameters, true);
    this.draw();
  }

  #drawControls(): void {
    const tab = (isOn: boolean, title: string, changes: Readonly<Record<string, string>>) =>
      element('button', { type: 'button', 'aria-pressed': String(isOn), onclick: () => this.#change(changes) }, title);
    this.#controls.replaceChildren(
      element(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Language' },
        languages.map((each) =>
          tab(each === this.#language, languageTitles[each], { language: each, query: queryExamples[each][0]![1] }),
        ),
      ),
      timeControl(this.#range, ({ from, to }) => this.#change({ from, to })),
      element(
        'div',
        { class: 'segments', role: 'group', 'aria-label': 'Drawn as' },
        tab(!this.#asTable, 'Chart', { as: 'chart' }),
        tab(this.#asTable, 'Table', { as: 'table' }),
      ),
    );
  }

  #drawSuggestions(): void {
    const use = (language: Language, query: string, says: string) =>
      element(
        'li',
        {},
        element(
          'button',
          { type: 'button', class: 'suggestion', title: query, onclick: () => this.#change({ language, query }) },
          says,
        ),
      );
    const list = (title: string, items: HTMLElement[]) =>
      items.length > 0 &&
      element('section', { class: 'card' }, element('h2', {}, title), element('ul', { class: 'short-list' }, items));
    this.#suggestions.replaceChildren(
      ...[
        list(
          'Examples',
          queryExamples[this.#language].map(([says, query]) => use(this.#language, query, says)),
        ),
        list(
          'History',
          queryHistory().map(({ language, query }) => use(language, query, query)),
        ),
      ].filter((each) => each !== false),
    );
  }

  async #ask(): Promise<void> {
    this.#superseded.abort();
    this.#superseded = new AbortController();
    const signal = AbortSignal.any([this.#left, this.#superseded.signal]);
    try {
      const panel = this.#panel(signal);
      this.#result.replaceChildren(panel.host);
      const { start, end } = secondsOf(this.#range);
      const moment = { start, end, values: new Map(), exportSeconds: this.#facts.exportIntervalSeconds };
      await panel.refresh(moment, [], signal);
    } catch (error) {
      if (!signal.aborted) this.#result.replaceChildren(failureNotice(error));
    }
  }

  #panel(signal: AbortSignal): PanelOnPage {
    const panel = queryPanel(this.#language, this.#parameters.get('query') ?? '', this.#asTable);
    return panelOnPage(panel, {
      dashboard: { uid: '', title: '', panels: [panel] },
      facts: { ...this.#facts, grafana: null },
      signal,
      parameters: this.#parameters,
      onZoom: (start, end) =>
        this.#change({ from: String(Math.round(start * 1000)), to: String(Math.round(end * 1000)) }),
    });
  }
}
