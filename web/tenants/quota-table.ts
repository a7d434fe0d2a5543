import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';

type Quota = { per_minute: number; left: number; full_in_seconds: number };
export type QuotaClient = {
  name: string;
  tenant: string;
  quotas: Record<'infer' | 'tasks' | 'reads' | 'page', Quota>;
};

const kinds = [
  ['infer', 'Inferences'],
  ['tasks', 'Tasks'],
  ['reads', 'Lists'],
  ['page', 'Page'],
] as const;

/** What each client may ask in a minute, and what is left of that now. */
export function quotaTable(clients: readonly QuotaClient[]): HTMLElement {
  return element(
    'section',
    { class: 'card', 'aria-label': 'Quotas' },
    element('h2', {}, 'Quotas a minute, and what is left now'),
    scrollRegion(
      'Quotas',
      gridTable(
        ['Client', 'Tenant', ...kinds.map(([, title]) => title)].map((name) => columnHead(name)),
        clients.map(({ name, tenant, quotas }) =>
          element(
            'tr',
            {},
            element('th', { scope: 'row', class: 'breaks' }, name),
            element('td', {}, tenant),
            kinds.map(([kind]) => quotaCell(quotas[kind])),
          ),
        ),
      ),
    ),
  );
}

function quotaCell({ per_minute, left, full_in_seconds: seconds }: Quota): HTMLElement {
  const used = 1 - left / per_minute;
  return element(
    'td',
    { title: left < per_minute ? `full again in ${seconds} s` : 'full' },
    element(
      'span',
      { class: left === 0 ? 'bad-text' : undefined },
      `${formatValue(left, 'none')} of ${formatValue(per_minute, 'none')}`,
    ),
    element(
      'span',
      { class: 'quota-bar', 'aria-hidden': 'true' },
      element('i', { style: { width: `${used * 100}%`, background: left === 0 ? 'var(--red)' : 'var(--accent)' } }),
    ),
  );
}
