import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';
import { differenceOf } from './difference.ts';
import type { Served, WhatIfAnswer } from './what-if-answer.ts';

type Figure = { title: string; of: (served: Served) => number; unit: 's' | 'none' | 'percentunit'; less?: 'better' };

const figures: readonly Figure[] = [
  { title: 'p50', of: ({ p50_ms }) => p50_ms / 1000, unit: 's', less: 'better' },
  { title: 'p95', of: ({ p95_ms }) => p95_ms / 1000, unit: 's', less: 'better' },
  { title: 'p99', of: ({ p99_ms }) => p99_ms / 1000, unit: 's', less: 'better' },
  { title: 'slowest', of: ({ max_ms }) => max_ms / 1000, unit: 's', less: 'better' },
  { title: 'queue wait, p95', of: ({ queue_p95_ms }) => queue_p95_ms / 1000, unit: 's', less: 'better' },
  { title: 'arrivals', of: ({ arrivals }) => arrivals, unit: 'none' },
  { title: 'answered', of: ({ answered }) => answered, unit: 'none' },
  { title: 'refused', of: ({ refused }) => refused, unit: 'none', less: 'better' },
  { title: 'expired', of: ({ expired }) => expired, unit: 'none', less: 'better' },
  { title: 'batches', of: ({ batches }) => batches, unit: 'none' },
  { title: 'requests in a batch', of: ({ requests_each }) => requests_each, unit: 'none' },
  { title: 'lanes busy', of: ({ utilisation }) => utilisation, unit: 'percentunit' },
];

/** What was, the replay with nothing changed, and the replay as asked, side by side. */
export function servedTable({ was, unchanged, changed }: WhatIfAnswer): HTMLElement {
  return scrollRegion(
    'Replay',
    gridTable(
      ['', 'As it was', 'Unchanged', 'As asked', 'Difference'].map((name, at) =>
        columnHead(name, at === 0 ? undefined : at === 2 ? 'number minor' : 'number'),
      ),
      figures.map((figure) => row(figure, { was, unchanged, changed })),
    ),
  );
}

function row(figure: Figure, { was, unchanged, changed }: Pick<WhatIfAnswer, 'was' | 'unchanged' | 'changed'>) {
  const { title, of, unit } = figure;
  const cell = (served: Served, kind = 'number') => element('td', { class: kind }, formatValue(of(served), unit));
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, title),
    cell(was),
    cell(unchanged, 'number minor'),
    cell(changed),
    differenceCell(figure, of(unchanged), of(changed)),
  );
}

/** Against the replay with nothing changed: both are replays. */
function differenceCell({ less }: Figure, before: number, after: number): HTMLElement {
  const kind = less === undefined || after === before ? '' : after < before ? 'good-text' : 'bad-text';
  return element('td', { class: `number ${kind}` }, differenceOf(before, after));
}
