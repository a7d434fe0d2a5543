import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';

export type Blame = {
  waited_ms: number;
  requests: number;
  is_whole: boolean;
  cells: { waiter: string; holder: string; ms: number }[];
};

/** Who made whom wait: a row for who waited, a column for whose batches held the lanes. */
export function blameMatrix({ waited_ms, requests, is_whole, cells }: Blame): HTMLElement {
  const waiters = byMost(cells, 'waiter');
  const holders = byMost(cells, 'holder');
  const most = Math.max(...cells.map(({ ms }) => ms), 1);
  const of = (waiter: string, holder: string) =>
    cells.find((cell) => cell.waiter === waiter && cell.holder === holder)?.ms ?? 0;
  return element(
    'section',
    { class: 'card', 'aria-label': 'Who made whom wait' },
    element('h2', {}, 'Who made whom wait'),
    waited_ms <= 0
      ? emptyNotice('Nobody waited for a lane in this time.')
      : element(
          'div',
          {},
          element(
            'p',
            { class: 'quiet' },
            `${requests} requests waited ${formatValue(waited_ms / 1000, 's')} for lanes.${is_whole ? '' : ' Some batches of this time are forgotten.'}`,
          ),
          scrollRegion(
            'Who made whom wait',
            gridTable(
              ['waited ↓ · held the lane →', ...holders].map((name, at) =>
                columnHead(name, at > 0 ? 'number' : undefined),
              ),
              waiters.map((waiter) =>
                element(
                  'tr',
                  {},
                  element('th', { scope: 'row' }, waiter),
                  holders.map((holder) => matrixCell(of(waiter, holder), most)),
                ),
              ),
            ),
          ),
        ),
  );
}

function matrixCell(ms: number, most: number): HTMLElement {
  return element(
    'td',
    {
      class: 'number',
      style: {
        background: ms > 0 ? `color-mix(in srgb, var(--orange) ${Math.round((ms / most) * 45)}%, transparent)` : '',
      },
    },
    ms > 0 ? formatValue(ms / 1000, 's') : '',
  );
}

function byMost(cells: Blame['cells'], of: 'waiter' | 'holder'): string[] {
  const sums = new Map<string, number>();
  for (const cell of cells) sums.set(cell[of], (sums.get(cell[of]) ?? 0) + cell.ms);
  return [...sums].sort(([, a], [, b]) => b - a).map(([name]) => name);
}
