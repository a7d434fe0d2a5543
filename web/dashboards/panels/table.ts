import { breakable } from '../../dom/breakable.ts';
import { type Child, element } from '../../dom/element.ts';
import { gridTable, scrollRegion } from '../../dom/grid-table.ts';
import type { Panel } from '../dashboard.ts';
import { asColour, type Field, fieldOf, mapped, thresholdColour } from '../field.ts';
import { ownLink } from '../own-link.ts';
import type { PanelData } from '../panel-data.ts';
import { reduced } from '../series.ts';
import { emptyPanel } from './empty-panel.ts';
import type { DrawPanel, PanelContext } from './panel-view.ts';
import { drawTraces } from './traces.ts';

export type Cell = string | number | null;
export type Table = { columns: string[]; rows: Cell[][] };

/** Rows by their labels, a column for each target; sorted by the column that is pressed. */
export const drawTable: DrawPanel = (body, context) => {
  const { panel, data } = context;
  // A search for traces is a table in Grafana; its columns are known.
  if (data.traces.length > 0) return drawTraces(body, context);
  const table = transformed(joined(data), panel);
  if (table.rows.length === 0) {
    body.append(emptyPanel(panel, 'Nothing to list in this time.'));
    return;
  }
  const [preset] = panel.options?.sortBy ?? [];
  let sorted = { column: preset?.displayName, descending: preset?.desc === true };
  const host = scrollRegion(panel.title ?? 'Table', []);
  body.append(host);
  draw();

  function draw(): void {
    const fields = table.columns.map((name) => fieldOf(panel, { name, type: typeOf(table, name) }));
    const visible = table.columns.map((_, at) => at).filter((at) => fields[at]!.custom?.hidden !== true);
    const by = table.columns.indexOf(sorted.column ?? '');
    const rows =
      by < 0 ? table.rows : [...table.rows].sort((a, b) => compare(a[by]!, b[by]!) * (sorted.descending ? -1 : 1));
    host.replaceChildren(
      gridTable(
        visible.map((at) => head(at)),
        rows.slice(0, rowsMax).map((row) =>
          element(
            'tr',
            {},
            visible.map((at) => cell(row, at, fields[at]!, table, context)),
          ),
        ),
      ),
      ...(rows.length > rowsMax ? [element('p', { class: 'quiet' }, `and ${rows.length - rowsMax} more rows`)] : []),
    );
  }

  function head(at: number): HTMLElement {
    const name = table.columns[at]!;
    const direction = sorted.column === name ? (sorted.descending ? 'descending' : 'ascending') : undefined;
    return element(
      'th',
      { scope: 'col', 'aria-sort': direction, class: typeOf(table, name) === 'number' ? 'number' : undefined },
      element(
        'button',
        {
          type: 'button',
          onclick: () => {
            sorted = {
              column: name,
              descending: sorted.column === name ? !sorted.descending : typeOf(table, name) === 'number',
            };
            draw();
          },
        },
        name,
        direction && element('span', { 'aria-hidden': 'true' }, sorted.descending ? '\u00a0↓' : '\u00a0↑'),
      ),
    );
  }
};

const rowsMax = 200;

/** What every instant answer, and the last of every series, says; rows with the same labels are one. */
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

function cell(
  row: readonly Cell[],
  at: number,
  field: Field,
  table: Table,
  { facts, interpolated }: PanelContext,
): HTMLElement {
  const value = row[at] ?? null;
  const text =
    typeof value === 'number' || value === null
      ? field.shown(value as number | null)
      : (mapped(value, field.mappings)?.text ?? value);
  const type = field.custom?.cellOptions?.type ?? 'auto';
  const byMapping = mapped(value, field.mappings)?.color;
  const colour = asColour(byMapping ?? (typeof value === 'number' ? thresholdColour(value, field) : undefined));
  const [link] = field.links ?? [];
  const target = link && ownLink(interpolated(filled(link.url, row, at, table)), facts);
  const content = typeof value === 'string' ? breakable(text) : text;
  const words: Child = target === undefined ? content : element('a', { href: target }, content);
  const coloured = colour !== undefined && (type === 'color-text' || type === 'color-background');
  return element(
    'td',
    { class: typeOf(table, table.columns[at]!) === 'number' ? 'number' : undefined },
    coloured ? element('span', { class: type, style: { '--of': colour } }, words) : words,
  );
}

/** Grafana's words for what is in the row of a link. */
function filled(url: string, row: readonly Cell[], at: number, { columns }: Table): string {
  return url
    .replaceAll(/\$\{__value\.(?:raw|numeric)(?::\w+)?\}/g, () => encodeURIComponent(String(row[at] ?? '')))
    .replaceAll(/\$\{__value\.text\}/g, () => encodeURIComponent(String(row[at] ?? '')))
    .replaceAll(
      /\$\{__(?:data\.fields|field\.labels)(?:\.(\w+)(?::\w+)?|\["?([^"\]]+)"?\])(?:\.\w+)?\}/g,
      (_, name: string, quoted: string) => encodeURIComponent(String(row[columns.indexOf(name ?? quoted)] ?? '')),
    );
}

function typeOf({ columns, rows }: Table, name: string): string {
  const at = columns.indexOf(name);
  return rows.some((row) => typeof row[at] === 'number') ? 'number' : 'string';
}

function compare(a: Cell, b: Cell): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? -1 : 1;
  return typeof a === 'number' && typeof b === 'number'
    ? a - b
    : String(a).localeCompare(String(b), 'en', { numeric: true });
}
