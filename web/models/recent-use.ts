import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';
import { type ModelUse, minutes } from '../home/home-facts.ts';

const figures: readonly (readonly [string, (use: ModelUse) => string])[] = [
  ['p50', ({ p50_ms }) => formatValue(p50_ms / 1000, 's')],
  ['p95', ({ p95_ms }) => formatValue(p95_ms / 1000, 's')],
  ['p99', ({ p99_ms }) => formatValue(p99_ms / 1000, 's')],
  ['rate', ({ count }) => `${formatValue(count / (minutes * 60))}/s`],
  ['failed', ({ failures }) => formatValue(failures, 'none')],
];

/** Percentiles and rate of the last minutes: a column for callers, one for each kind of task. */
export function recentUse(name: string, uses: readonly ModelUse[] | undefined): HTMLElement {
  if (uses === undefined || uses.length === 0)
    return element(
      'p',
      { class: 'quiet' },
      uses === undefined
        ? 'The requests of the last minutes cannot be asked.'
        : `No request in the last ${minutes} minutes.`,
    );
  const sorted = [...uses].sort((a, b) => b.count - a.count);
  return scrollRegion(
    `Requests of ${name}, last ${minutes} min`,
    gridTable(
      [columnHead(`Last ${minutes} min`), sorted.map(({ task }) => columnHead(task ?? 'requests', 'number'))],
      figures.map(([title, of]) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, title),
          sorted.map((use) =>
            element('td', { class: title === 'failed' && use.failures > 0 ? 'number bad-text' : 'number' }, of(use)),
          ),
        ),
      ),
    ),
  );
}
