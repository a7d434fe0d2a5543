import { type Child, element } from './element.ts';

/** A table as all of this page look: heads above, rows below. `kind` is a further class. */
export function gridTable(heads: Child, rows: Child, kind = ''): HTMLElement {
  return element(
    'table',
    { class: `grid-table ${kind}`.trim() },
    element('thead', {}, element('tr', {}, heads)),
    element('tbody', {}, rows),
  );
}

export function columnHead(content: Child, kind?: string): HTMLElement {
  return element('th', { scope: 'col', class: kind }, content);
}

/** What may be wider than its place: it is moved by keys, too, and so has a name. */
export function scrollRegion(label: string, content: Child): HTMLElement {
  return element('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label }, content);
}
