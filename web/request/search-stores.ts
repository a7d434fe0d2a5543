import { logLines, searchTraces } from '../asking/backends.ts';
import { tracesTable } from '../dashboards/panels/traces.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { logTable } from './log-table.ts';

type Search = {
  title: string;
  /** The language of the query. */
  language: string;
  id: string;
  query: string;
  isOpen: boolean;
  find: (query: string) => Promise<HTMLElement>;
};

/**
 * The two foldable searches below the list of requests; one is open, and asked, where the address
 * has its query.
 */
export function storeSearches(parameters: URLSearchParams, signal: AbortSignal): HTMLElement[] {
  return [
    foldableSearch({
      title: 'Search all stored traces',
      language: 'TraceQL',
      id: 'trace-query',
      query: parameters.get('traces') ?? '{ span.error.type != nil }',
      isOpen: parameters.has('traces'),
      find: (query) => findTraces(query, signal),
    }),
    foldableSearch({
      title: 'Search the log',
      language: 'LogQL',
      id: 'log-query',
      query: parameters.get('logs') ?? '{service_name="vitrine"} | severity_text=~"(?i)warn|error"',
      isOpen: parameters.has('logs'),
      find: (query) => findLines(query, signal),
    }),
  ];
}

function foldableSearch({ title, language, id, query, isOpen, find }: Search): HTMLElement {
  const input = element('input', { id, type: 'text', value: query, spellcheck: 'false', maxlength: 2000 });
  const found = element('div', { 'aria-live': 'polite' });
  const search = async (event?: Event) => {
    event?.preventDefault();
    found.replaceChildren(busyNotice('Searching …'));
    try {
      found.replaceChildren(await find(input.value));
    } catch (error) {
      if (!isAbort(error)) found.replaceChildren(failureNotice(error));
    }
  };
  if (isOpen) void search();
  return element(
    'details',
    { class: 'below', open: isOpen },
    element('summary', {}, title),
    element(
      'form',
      { class: 'row', onsubmit: search },
      element('label', { for: id, class: 'hidden-text' }, language),
      input,
      element('button', { type: 'submit' }, 'Search'),
    ),
    found,
  );
}

async function findTraces(query: string, signal: AbortSignal): Promise<HTMLElement> {
  const now = Math.ceil(Date.now() / 1000);
  const { traces, notes } = await searchTraces({ q: query, start: now - 3600, end: now, limit: 50 }, signal);
  return element(
    'div',
    {},
    traces.length > 0 ? tracesTable(traces) : emptyNotice('No trace of the last hour fits.'),
    notes.map((note) => element('p', { class: 'quiet' }, note)),
  );
}

async function findLines(query: string, signal: AbortSignal): Promise<HTMLElement> {
  const now = Math.ceil(Date.now() / 1000);
  const range = { start: `${now - 3600}000000000`, end: `${now}000000000` };
  const lines = await logLines({ query, ...range, limit: 200, direction: 'backward' }, signal);
  return lines.length > 0 ? logTable(lines, { label: 'Lines found' }) : emptyNotice('No line of the last hour fits.');
}
