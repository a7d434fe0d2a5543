import { breakable } from '../../dom/breakable.ts';
import { type Child, element } from '../../dom/element.ts';
import { gridTable, scrollRegion } from '../../dom/grid-table.ts';
import { type Field, fieldOf } from '../field.ts';
import { ownLink } from '../own-link.ts';
import { emptyPanel } from './empty-panel.ts';
import type { DrawPanel, PanelContext } from './panel-view.ts';
import { type Cell, cellOf, compare, type Table, tableOf } from './table-cells.ts';
import { drawTraces } from './traces.ts';

/** Rows by their labels, a column for each target; sorted by the column that is pressed. */
export const drawTable: DrawPanel = (body, context) => {
  const { panel, data } = context;
  // A search for traces is a table in Grafana; its columns are known.
  if (data.traces.length > 0) return drawTraces(body, context);
  const table = tableOf(panel, data);
  if (table.rows.length === 0) {
    body.append(emptyPanel(panel, 'Nothing to list in this time.'));
    return;
  }
  let sorted = context.memory.sorted ?? presetOf(context);
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

  function press(name: string): void {
    const descending = sorted.column === name ? !sorted.descending : typeOf(table, name) === 'number';
    sorted = { column: name, descending };
    context.memory.sort(name, descending);
    draw();
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
          onclick: () => press(name),
        },
        name,
        direction && element('span', { 'aria-hidden': 'true' }, sorted.descending ? '\u00a0↓' : '\u00a0↑'),
      ),
    );
  }
};

const rowsMax = 200;

function presetOf({ panel }: PanelContext): { column: string | undefined; descending: boolean } {
  const [preset] = panel.options?.sortBy ?? [];
  return { column: preset?.displayName, descending: preset?.desc === true };
}

function cell(
  row: readonly Cell[],
  at: number,
  field: Field,
  table: Table,
  { facts, interpolated }: PanelContext,
): HTMLElement {
  const value = row[at] ?? null;
  const { text, colour } = cellOf(value, field);
  const type = field.custom?.cellOptions?.type ?? 'auto';
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
