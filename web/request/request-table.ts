import { breakable } from '../dom/breakable.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { clock, dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import type { ListedRequest } from './flight-record.ts';

/**
 * Requests, each leading to its own view. The bar beside a duration compares it with the longest of
 * the list.
 */
export function requestTable(requests: readonly ListedRequest[], label: string): HTMLElement {
  const longest = Math.max(...requests.map(({ duration_ms }) => duration_ms), 0.001);
  return scrollRegion(
    label,
    gridTable(
      [
        ['When', 'Request', 'Model', 'Status'].map((name) => columnHead(name, name === 'Model' ? 'minor' : undefined)),
        columnHead('Took', 'number'),
        columnHead('Trace stored', 'minor'),
      ],
      requests.map(row),
      'requests',
    ),
  );

  function row(each: ListedRequest): HTMLElement {
    const at = Date.parse(each.started_at);
    return element(
      'tr',
      { class: each.failed ? 'failed' : undefined },
      element(
        'td',
        { class: 'mono' },
        element('time', { datetime: each.started_at, title: dayAndClock(at) }, clock(at)),
      ),
      element(
        'td',
        {},
        element(
          'a',
          { href: `#/requests/${encodeURIComponent(each.trace_id)}` },
          breakable(`${each.method} ${each.route}`),
        ),
      ),
      element('td', { class: 'minor' }, each.model ? `${each.model}${each.task ? ` · ${each.task}` : ''}` : '–'),
      element('td', {}, statusBadge(each)),
      element(
        'td',
        { class: 'number took' },
        element('i', { 'aria-hidden': 'true', style: { width: `${(each.duration_ms / longest) * 100}%` } }),
        element('span', {}, formatValue(each.duration_ms / 1000, 's')),
      ),
      element('td', { class: 'quiet minor' }, each.kept ?? 'no'),
    );
  }
}

export function statusBadge({
  status,
  failure,
  fault,
}: Pick<ListedRequest, 'status' | 'failure' | 'fault'>): HTMLElement {
  return element(
    'span',
    { class: `badge ${fault === null ? 'good' : fault === 'server' ? 'bad' : 'warn'}` },
    breakable(failure ? `${status} ${failure}` : String(status)),
  );
}
