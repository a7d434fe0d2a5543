import type { Panel } from '../dashboard.ts';
import { asColour, type Field, mapped, thresholdColour } from '../field.ts';
import type { PanelData } from '../panel-data.ts';
import { reduced } from '../series.ts';

export type Cell = string | number | null;
export type Table = { columns: string[]; rows: Cell[][] };

/** What a table panel shows: the answers joined, then its transformations. */
export function tableOf(panel: Panel, data: PanelData): Table {
  return transformed(joined(data), panel);
}

/** What a cell reads, and the colour that mappings or thresholds give it. */
export function cellOf(value: Cell, field: Field): { text: string; colour: string | undefined } {
  const found = mapped(value, field.mappings);
  return {
    text: typeof value === 'string' ? (found?.text ?? value) : field.shown(value),
    colour: asColour(found?.color ?? (typeof value === 'number' ? thresholdColour(value, field) : undefined)),
  };
}

/**
 * What every instant answer, and the last of every series, says; rows with the same labels are one.
 */
export function joined(data: PanelData): Table {
  const several = data.instant.length + new Set(data.series.map(({ refId }) => refId)).size > 1;
  const rows = new Map<string, Map<string, Cell>>();
  const labelNames = new Set<string>();
  const valueNames = new Set<string>();
  const add = (labels: Readonly<Record<string, string>>, refId: string, value: number | undefined) => {
    const { __name__: _, ...others } = labels;
    const key = JSON.stringify(Object.entries(others).sort());
    const row = rows.get(key) ?? new Map<string, Cell>(Object.entries(others));
    for (const label of Object.keys(others)) labelNames.add(label);
    const name = several ? `Value #${refId}` : 'Value';
    valueNames.add(name);
    row.set(name, value === undefined || Number.isNaN(value) ? null : value);
    rows.set(key, row);
  };
  for (const { target, rows: answered } of data.instant)
    for (const { metric, value } of answered) add(metric, target.refId ?? 'A', Number(value[1]));
  for (const { labels, refId, values } of data.series) add(labels, refId, reduced(values, 'lastNotNull'));
  const columns = [...labelNames, ...[...valueNames].sort()];
  return { columns, rows: [...rows.values()].map((row) => columns.map((column) => row.get(column) ?? null)) };
}

function transformed(table: Table, panel: Panel): Table {
  let { columns, rows } = table;
  for (const { id, options = {}, disabled } of panel.transformations ?? []) {
    if (disabled) continue;
    if (id === 'limit') rows = rows.slice(0, Number(options.limitField ?? 10));
    if (id === 'sortBy') {
      const [{ field = '', desc = false } = {}] = (options.sort ?? []) as { field?: string; desc?: boolean }[];
      const by = columns.indexOf(field);
      if (by >= 0) rows = [...rows].sort((a, b) => compare(a[by]!, b[by]!) * (desc ? -1 : 1));
    }
    if (id === 'filterFieldsByName') {
      const { names = [], pattern } = (options.include ?? {}) as { names?: string[]; pattern?: string };
      const like = pattern === undefined ? undefined : new RegExp(pattern);
      pick(columns.filter((name) => names.includes(name) || like?.test(name)));
    }
    if (id === 'organize') {
      const {
        excludeByName = {},
        indexByName = {},
        renameByName = {},
      } = options as Record<string, Record<string, unknown>>;
      const place = (name: string) => Number(indexByName[name] ?? columns.length);
      pick(columns.filter((name) => excludeByName[name] !== true).sort((a, b) => place(a) - place(b)));
      columns = columns.map((name) => String(renameByName[name] || name));
    }
  }
  // Grafana has the time in a table; this page has no use for a column in which every row is now.
  pick(columns.filter((name) => name !== 'Time'));
  return { columns, rows };

  function pick(names: string[]): void {
    const places = names.map((name) => columns.indexOf(name));
    rows = rows.map((row) => places.map((at) => row[at] ?? null));
    columns = names;
  }
}

export function compare(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), 'en', { numeric: true });
}
