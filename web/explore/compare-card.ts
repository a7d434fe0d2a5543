import { askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import type { ChosenRequests } from './chosen-requests.ts';
import type { Box } from './request-heatmap.ts';

type Comparison = {
  first: { requests: number };
  second: { requests: number };
  slower_than_ms: number | null;
  differences: { says: string; parts: number }[];
};

type Blame = { waited_ms: number; requests: number; cells: { waiter: string; holder: string; ms: number }[] };

const shownMax = 8;
const slowestPercent = 5;
const minutesMax = 60;

/** What parts the box from the rest, or failed from good, or slow from the rest. */
export async function drawComparison(
  host: HTMLElement,
  chosen: ChosenRequests,
  box: Box | undefined,
  signal: AbortSignal,
): Promise<void> {
  try {
    const comparison = await askComparison(chosen, box, signal);
    host.replaceChildren(...(comparison ? [comparisonCard(chosen, box, comparison)] : []));
  } catch (error) {
    if (isAbort(error)) return;
    host.replaceChildren(failureNotice(error, () => void drawComparison(host, chosen, box, signal)));
  }
}

/** Who made whom wait in that time. */
export async function drawBlame(host: HTMLElement, chosen: ChosenRequests, signal: AbortSignal): Promise<void> {
  try {
    const blame = await askJson<Blame>(`/v1/blame?${new URLSearchParams({ by: 'tenant', ...chosen.time() })}`, {
      signal,
    });
    host.replaceChildren(...(blame.waited_ms > 0 ? [blameCard(blame)] : []));
  } catch (error) {
    if (!isAbort(error)) host.replaceChildren(failureNotice(error, () => void drawBlame(host, chosen, signal)));
  }
}

function askComparison(
  chosen: ChosenRequests,
  box: Box | undefined,
  signal: AbortSignal,
): Promise<Comparison> | undefined {
  const { order } = chosen;
  if (order === 'recent' && !box) return undefined;
  // Among all that the filters leave; which of them fail is the question, not a filter.
  const { failure: _, fault: __, ...among } = chosen.asSet();
  const { failure, fault } = chosen.asSet();
  const sets = box
    ? { first: { ...box, ...(failure !== undefined && { failure }), ...(fault !== undefined && { fault }) } }
    : order === 'failed'
      ? {
          first: { failed: true, ...(failure !== undefined && { failure }), ...(fault !== undefined && { fault }) },
          second: { failed: false },
        }
      : { slowest_percent: slowestPercent };
  const minutes = chosen.between ? minutesMax : Number(chosen.minutes);
  const body = JSON.stringify({ minutes, ...(Object.keys(among).length > 0 && { among }), ...sets });
  return askJson<Comparison>('/v1/requests/compare', { signal, method: 'POST', body });
}

function comparisonCard(
  { order }: ChosenRequests,
  box: Box | undefined,
  { first, second, slower_than_ms: slower, differences }: Comparison,
): HTMLElement {
  const what = box
    ? `${first.requests} in the box against the rest (${second.requests})`
    : order === 'failed'
      ? `${first.requests} failed against ${second.requests} good`
      : `The slowest ${slowestPercent} % (${first.requests}, from ${formatValue((slower ?? 0) / 1000, 's')} on) against the rest (${second.requests})`;
  return element(
    'section',
    { class: 'card wide', 'aria-label': 'What parts them' },
    element('h3', {}, 'What parts them'),
    element('p', { class: 'quiet' }, what),
    differences.length === 0
      ? emptyNotice('Nothing parts them but chance.')
      : element(
          'table',
          { class: 'cause-table' },
          element('caption', { class: 'hidden-text' }, 'Differences, the clearest first'),
          element(
            'tbody',
            {},
            differences
              .slice(0, shownMax)
              .map(({ says, parts }) => barRow(says, parts, formatValue(parts, 'percentunit', 0))),
          ),
        ),
  );
}

function blameCard({ waited_ms: waited, requests, cells }: Blame): HTMLElement {
  return element(
    'section',
    { class: 'card wide', 'aria-label': 'Who made whom wait' },
    element('h3', {}, 'Who made whom wait'),
    element('p', { class: 'quiet' }, `${requests} requests waited ${formatValue(waited / 1000, 's')} for lanes`),
    element(
      'table',
      { class: 'cause-table' },
      element('caption', { class: 'hidden-text' }, 'Waiting time by tenant, the longest first'),
      element(
        'tbody',
        {},
        cells
          .slice(0, shownMax)
          .map(({ waiter, holder, ms }) =>
            barRow(`${waiter} waited for ${holder}`, waited > 0 ? ms / waited : 0, formatValue(ms / 1000, 's')),
          ),
      ),
    ),
  );
}

function barRow(says: string, share: number, value: string): HTMLElement {
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, says),
    element(
      'td',
      { class: 'account-lane', 'aria-hidden': 'true' },
      element('span', { style: { width: `max(2px, ${Math.min(100, share * 100)}%)`, background: 'var(--series-1)' } }),
    ),
    element('td', { class: 'number' }, value),
  );
}
