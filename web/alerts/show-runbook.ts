import { ask } from '../asking/ask.ts';
import { ownLink } from '../dashboards/own-link.ts';
import { element } from '../dom/element.ts';
import { nameView } from '../frame/page-title.ts';
import { renderMarkdown } from '../markdown/render-markdown.ts';
import { pageFacts } from '../page-facts.ts';
import { runHere } from '../queries/run-here.ts';
import type { View } from '../route.ts';

/** What an alert means, and what to do. */
export const showRunbook: View = async (host, { path }, signal) => {
  const [, name = ''] = path;
  const [response, facts] = await Promise.all([
    ask(`/page/runbooks/${encodeURIComponent(name)}`, { signal }),
    pageFacts(signal),
  ]);
  nameView(name);
  const text = (await response.text()).replace(/^# .*\n/, '');
  host.append(
    element('p', { class: 'crumbs' }, element('a', { href: '#/alerts' }, 'Alerts'), ' / Runbook'),
    element('h1', {}, name),
    element(
      'article',
      { class: 'card' },
      renderMarkdown(text, linkFrom, (language, code) => runHere(language, code, facts, signal)),
    ),
  );

  function linkFrom(url: string): string | undefined {
    const other = /^(?:\.\/)?([\w.-]+)\.md(?:#.*)?$/.exec(url)?.[1];
    return other === undefined ? ownLink(url, facts) : `#/runbooks/${encodeURIComponent(other)}`;
  }
};
