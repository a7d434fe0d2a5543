import { element } from '../../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../../dom/grid-table.ts';
import { clock } from '../../format/format-time.ts';
import type { PanelContext } from './panel-view.ts';
import { asLines } from './time-series.ts';

const rowsMax = 60;

/**
 * The points of a chart as a table, newest first: for who cannot see the chart, or wants the
 * numbers.
 */
export function pointsTable({ panel, data }: Pick<PanelContext, 'panel' | 'data'>): HTMLElement {
  const lines = asLines({ panel, data }).slice(0, 30);
  const times = lines[0]?.series.times ?? [];
  const places = times
    .map((_, at) => at)
    .reverse()
    .slice(0, rowsMax);
  return scrollRegion(
    `${panel.title ?? 'Panel'} as a table`,
    gridTable(
      [columnHead('Time'), lines.map(({ name }) => columnHead(name, 'number'))],
      places.map((at) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row', class: 'mono' }, clock(times[at]! * 1000)),
          lines.map(({ series, field }) => element('td', { class: 'number' }, field.shown(series.values[at]))),
        ),
      ),
    ),
  );
}

/** All points of a panel, one row a moment and one column a line. */
export function pointsAsCsv(panel: PanelContext['panel'], data: PanelContext['data']): string {
  const lines = asLines({ panel, data });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const times = lines[0]?.series.times ?? [];
  return [
    ['time', ...lines.map(({ name }) => quoted(name))].join(','),
    ...times.map((time, at) =>
      [new Date(time * 1000).toISOString(), ...lines.map(({ series }) => series.values[at] ?? '')].join(','),
    ),
  ].join('\r\n');
}
