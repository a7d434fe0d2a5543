import type { Panel } from './dashboard.ts';
import { type Field, fieldOf } from './field.ts';
import type { PanelData } from './panel-data.ts';
import { reduced, seriesName } from './series.ts';

/** One number to show: a stat, a gauge, a bar. `line` is what it was in the time shown. */
export type ReducedValue = { name: string; value: number | undefined; line: readonly (number | null)[]; field: Field };

/** The numbers of a panel that shows each series, or each row of an instant answer, as one. */
export function reducedValues(panel: Panel, data: PanelData): ReducedValue[] {
  const calculation = panel.options?.reduceOptions?.calcs?.[0] ?? 'lastNotNull';
  const fromSeries = data.series.map((series) => {
    const field = fieldOf(panel, series);
    return {
      name: field.displayName ?? series.name,
      value: reduced(series.values, calculation),
      line: series.values,
      field,
    };
  });
  const fromInstant = data.instant.flatMap(({ target, rows }) =>
    rows.map(({ metric, value }) => {
      const name = seriesName(metric, target.legendFormat);
      const field = fieldOf(panel, { name, refId: target.refId ?? 'A' });
      const number = Number(value[1]);
      return {
        name: field.displayName ?? name,
        value: Number.isNaN(number) ? undefined : number,
        line: [],
        field,
      };
    }),
  );
  return [...fromSeries, ...fromInstant];
}
