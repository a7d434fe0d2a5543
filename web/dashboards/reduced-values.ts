import type { Panel } from './dashboard.ts';
import { asColour, type Field, fieldOf, mapped, thresholdColour } from './field.ts';
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

/** What colour the mappings or thresholds give a value. */
export function colourOf({ value, field }: Pick<ReducedValue, 'value' | 'field'>): string | undefined {
  const byMapping = mapped(value ?? null, field.mappings)?.color;
  if (byMapping !== undefined) return asColour(byMapping);
  if (field.color?.mode === 'fixed') return asColour(field.color.fixedColor);
  return asColour(thresholdColour(value, field));
}

/** The colour of text, which a threshold without a meaning has, is none for a bar. */
export function barColour(value: ReducedValue): string {
  const colour = colourOf(value);
  return colour === undefined || colour === 'var(--ink)' ? 'var(--accent)' : colour;
}
