import type { Panel } from './dashboard.ts';
import { asColour, type Field, fieldOf, mapped, thresholdColour } from './field.ts';
import type { PanelData } from './panel-data.ts';
import { cellOf, tableOf } from './panels/table-cells.ts';
import { colourOf, reducedValues } from './reduced-values.ts';
import type { Series } from './series.ts';

/** One value as its thresholds have it; `of` is whose it is, where the panel has several. */
export type Judged = { panel: Panel; of: string; says: string; is: 'good' | 'warn' | 'bad' };

const meaning: Readonly<Record<string, Judged['is']>> = {
  'var(--green)': 'good',
  'var(--yellow)': 'warn',
  'var(--orange)': 'warn',
  'var(--red)': 'bad',
};

/** What the thresholds of a panel say of its values now; nothing where it has none, or no value. */
export function judged(panel: Panel, data: PanelData): Judged[] {
  const values = valuesOf(panel, data);
  return values.flatMap(({ name, says, colour }) => {
    const is = meaning[colour ?? ''];
    return is === undefined ? [] : [{ panel, of: values.length > 1 ? name : '', says, is }];
  });
}

function valuesOf(panel: Panel, data: PanelData): { name: string; says: string; colour: string | undefined }[] {
  switch (panel.type) {
    case 'stat':
    case 'gauge':
    case 'bargauge':
      return reducedValues(panel, data)
        .filter(({ value }) => value !== undefined)
        .map((each) => ({ name: each.name, says: each.field.shown(each.value), colour: colourOf(each) }));
    case 'timeseries':
      // Of a chart only where its limits are drawn.
      return data.series.flatMap((series) => {
        const field = fieldOf(panel, series);
        if ((field.custom?.thresholdsStyle?.mode ?? 'off') === 'off') return [];
        const value = valueNow(series);
        if (value === undefined) return [];
        return [
          {
            name: field.displayName ?? series.name,
            says: field.shown(value),
            colour: asColour(thresholdColour(value, field)),
          },
        ];
      });
    case 'state-timeline':
      return data.series.flatMap((series) => {
        const field = fieldOf(panel, series);
        const value = valueNow(series);
        if (value === undefined) return [];
        return [
          { name: series.name, says: field.shown(value), colour: asColour(mapped(value, field.mappings)?.color) },
        ];
      });
    case 'table':
      return cellsOf(panel, data);
    default:
      return [];
  }
}

/**
 * What a series is at the end of the time shown. One that has ended before, as that of an instance
 * that is gone, is nothing now.
 */
function valueNow({ values }: Series): number | undefined {
  // The very last point may not have arrived.
  return values.slice(-2).findLast((value) => value !== null) ?? undefined;
}

/** The cells of columns with limits of their own, each by its row's name. */
function cellsOf(panel: Panel, data: PanelData): { name: string; says: string; colour: string | undefined }[] {
  const table = tableOf(panel, data);
  return table.columns.flatMap((column, at) => {
    const field = fieldOf(panel, { name: column, type: 'number' });
    if (!hasOwnColour(field)) return [];
    return table.rows.flatMap((row) => {
      const value = row[at];
      if (typeof value !== 'number') return [];
      const name = row.find((cell) => typeof cell === 'string') ?? '';
      return [{ name: `${name} ${column}`, says: cellOf(value, field).text, colour: cellOf(value, field).colour }];
    });
  });
}

function hasOwnColour({ custom }: Field): boolean {
  return custom?.cellOptions?.type === 'color-text' || custom?.cellOptions?.type === 'color-background';
}
