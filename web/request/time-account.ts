import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import type { FlightRecord } from './flight-record.ts';

/**
 * Where the time went: the stages as one bar, in their order, and as numbers. The rest is what no
 * stage accounts for.
 */
export function timeAccount({ stages_ms: stages, rest_ms: rest, duration_ms: total }: FlightRecord): HTMLElement {
  const parts = [...Object.entries(stages), ['rest', rest] as [string, number]].map(([name, ms], at) => ({
    name,
    ms,
    part: total > 0 ? ms / total : 0,
    colour: name === 'rest' ? 'var(--grey)' : `var(--series-${(at % 8) + 1})`,
  }));
  const took = parts.filter(({ ms }) => ms > 0);
  const none = parts.filter(({ ms }) => ms <= 0).map(({ name }) => name);
  let before = 0;
  return element(
    'div',
    { class: 'account' },
    element(
      'div',
      { class: 'account-bar', 'aria-hidden': 'true' },
      parts.map(({ name, part, colour, ms }) =>
        element('span', {
          title: `${name} ${formatValue(ms / 1000, 's')}`,
          style: { width: `${part * 100}%`, background: colour },
        }),
      ),
    ),
    element(
      'table',
      { class: 'account-table' },
      element('caption', { class: 'hidden-text' }, 'Where the time went'),
      element('tbody', {}, took.map(row)),
    ),
    none.length > 0 && element('p', { class: 'quiet account-none' }, `No time in ${none.join(', ')}.`),
  );

  function row({ name, ms, part, colour }: (typeof parts)[number]): HTMLElement {
    const from = before;
    before += part;
    return element(
      'tr',
      {},
      element('th', { scope: 'row' }, element('i', { style: { background: colour } }), name),
      element(
        'td',
        { class: 'account-lane', 'aria-hidden': 'true' },
        element('span', {
          style: { left: `${Math.min(99, from * 100)}%`, width: `max(2px, ${part * 100}%)`, background: colour },
        }),
      ),
      element('td', { class: 'number' }, formatValue(ms / 1000, 's')),
      element('td', { class: 'number quiet' }, formatValue(part, 'percentunit', 1)),
    );
  }
}
