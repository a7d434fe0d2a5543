import { AskFailure, askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';

/** The service's answer to why (docs/why.md). */
export type Why = {
  sentence: string;
  took_ms: number;
  alone_ms: number | null;
  alone_runs: number;
  known: boolean;
  parts: {
    cause: string;
    label: string;
    ms: number;
    says: string;
    evidence: { says: string; link: string | null }[];
  }[];
  failure: { differences: { says: string }[]; failed_alike: number; good: number } | null;
};

/** Undefined when the request is not remembered any more. */
export async function askWhy(id: string, signal: AbortSignal): Promise<Why | undefined> {
  try {
    return await askJson<Why>(`/v1/requests/${encodeURIComponent(id)}/why`, { signal });
  } catch (error) {
    if (error instanceof AskFailure && error.status === 404) return undefined;
    throw error;
  }
}

/** Smaller ones are in the API's answer. */
const shownShareMin = 0.005;

/** The sentence, and below it what each part of the time was, with its evidence. */
export function whyCard({
  sentence,
  took_ms: took,
  alone_ms: alone,
  alone_runs: runs,
  parts,
  failure,
}: Why): HTMLElement {
  const shown = parts.filter(({ ms }) => ms >= shownShareMin * took);
  return element(
    'section',
    { class: 'card why', 'aria-label': 'Why' },
    element('h2', {}, 'Why'),
    element('p', { class: 'why-sentence' }, sentence),
    element(
      'table',
      { class: 'cause-table why-table' },
      element('caption', { class: 'hidden-text' }, 'What the time was spent on'),
      element(
        'tbody',
        {},
        shown.map((part) => partRow(part, took)),
      ),
    ),
    failure &&
      failure.differences.length > 0 &&
      element(
        'div',
        {},
        element('h3', {}, `What parts ${failure.failed_alike} failed from ${failure.good} good`),
        element(
          'ul',
          {},
          failure.differences.map(({ says }) => element('li', {}, says)),
        ),
      ),
    element(
      'p',
      { class: 'quiet' },
      alone === null
        ? `Time alone: not known, ${runs} comparable runs remembered.`
        : `Time alone: ${formatValue(alone / 1000, 's')}, from ${runs} comparable runs.`,
    ),
  );
}

function partRow({ label, ms, evidence }: Why['parts'][number], took: number): HTMLElement {
  const share = took > 0 ? ms / took : 0;
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, label),
    element(
      'td',
      { class: 'account-lane', 'aria-hidden': 'true' },
      element('span', { style: { width: `max(2px, ${Math.min(100, share * 100)}%)`, background: 'var(--series-1)' } }),
    ),
    element('td', { class: 'number' }, formatValue(ms / 1000, 's')),
    element('td', { class: 'number quiet' }, formatValue(share, 'percentunit', 1)),
    element(
      'td',
      { class: 'why-evidence quiet' },
      evidence.slice(0, evidenceMax).map(({ says, link }) => {
        const href = link === null ? undefined : pageLink(link);
        return element('div', {}, href === undefined ? says : element('a', { href }, says));
      }),
    ),
  );
}

const evidenceMax = 3;

/** What the API links to, as the page shows it; undefined: the page has no such view. */
function pageLink(link: string): string | undefined {
  if (link.startsWith('/#/')) return link.slice(1);
  const id = /^\/v1\/requests\/([^/]+)$/.exec(link)?.[1];
  return id === undefined ? undefined : `#/requests/${id}`;
}
