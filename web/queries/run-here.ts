import { panelOnPage } from '../dashboards/draw-panel.ts';
import { element } from '../dom/element.ts';
import type { PageFacts } from '../page-facts.ts';
import { hashOf } from '../route.ts';
import { isLogMetric, type Language, languages, queryPanel } from './query-panel.ts';

const lastSeconds = 3600;

/** Beneath a query of a runbook: it is asked where it stands, with its values now. */
export function runHere(language: string, query: string, facts: PageFacts, left: AbortSignal): HTMLElement | undefined {
  const known = languages.find((each) => each === language);
  if (!known) return undefined;
  const result = element('div', { class: 'query-result small-result' });
  const run = async () => {
    const asTable = known === 'promql' || (known === 'logql' && isLogMetric(query));
    const panel = panelOnPage(queryPanel(known, query, asTable), {
      dashboard: { uid: '', title: '' },
      facts: { ...facts, grafana: null },
      signal: left,
    });
    result.replaceChildren(panel.host);
    const end = Date.now() / 1000;
    const moment = { start: end - lastSeconds, end, values: new Map(), exportSeconds: facts.exportIntervalSeconds };
    await panel.refresh(moment, [], left);
  };
  return element(
    'div',
    { class: 'run-here' },
    element(
      'div',
      { class: 'row' },
      element('button', { type: 'button', class: 'small', onclick: () => void run() }, '▶ Run'),
      element('a', { class: 'button small', href: benchLink(known, query) }, 'Chart'),
    ),
    result,
  );
}

function benchLink(language: Language, query: string): string {
  return hashOf(['queries'], new URLSearchParams({ language, query, from: 'now-1h', to: 'now' }));
}
