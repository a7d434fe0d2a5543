import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { formatValue } from '../format/format-value.ts';
import { hashOf } from '../route.ts';

type Counted = { is: string | number; requests: number };
export type TenantLine = {
  tenant: string;
  requests: number;
  failed: number;
  failures: readonly Counted[];
  routes: readonly Counted[];
  cpuSeconds: number;
};

const shownMax = 3;

/** What the tenants sent, what was refused and why, by which routes, and the CPU it cost. */
export function tenantTable(lines: readonly TenantLine[], minutes: string): HTMLElement {
  const rows = lines.map((line) => tenantRow(line, minutes));
  return element(
    'section',
    { class: 'card', 'aria-label': 'Use' },
    element('h2', {}, `Use, last ${minutes} min`),
    rows.length === 0
      ? emptyNotice('No request is remembered of this time.')
      : scrollRegion(
          'Use',
          gridTable(
            ['Tenant', 'Requests', 'Failed or refused', 'By error', 'By route', 'CPU'].map((name, at) =>
              columnHead(
                name,
                at === 1 || at === 2 ? 'number' : at === 4 ? 'minor' : at === 5 ? 'number minor' : undefined,
              ),
            ),
            rows,
          ),
        ),
  );
}

function tenantRow(
  { tenant, requests, failed, failures, routes, cpuSeconds }: TenantLine,
  minutes: string,
): HTMLElement {
  const link = (text: string, of: Record<string, string>) =>
    element('a', { href: hashOf(['requests'], new URLSearchParams({ tenant, minutes, ...of })) }, text);
  const list = (counted: readonly Counted[], of: (is: string) => Record<string, string>) =>
    counted
      .slice(0, shownMax)
      .map(({ is, requests: many }) => element('div', {}, link(String(is), of(String(is))), ` ${many}`));
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, tenant),
    element('td', { class: 'number' }, link(formatValue(requests, 'none'), {})),
    element('td', { class: 'number' }, failed > 0 ? link(formatValue(failed, 'none'), { order: 'failed' }) : '0'),
    element(
      'td',
      {},
      list(failures, (failure) => ({ failure, order: 'failed' })),
    ),
    element(
      'td',
      { class: 'minor' },
      list(routes, (route) => ({ route })),
    ),
    element('td', { class: 'number minor' }, formatValue(cpuSeconds, 's')),
  );
}
