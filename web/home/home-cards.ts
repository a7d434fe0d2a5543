import type { ServiceProcess } from '../asking/ask-health.ts';
import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { ago } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import type { ListedRequest } from '../request/flight-record.ts';
import { statusBadge } from '../request/request-table.ts';
import { hashOf } from '../route.ts';
import { type HomeFacts, type ModelUse, minutes } from './home-facts.ts';

const ms = (value: number) => formatValue(value / 1000, 's');

/** Version, uptime and load in one line. */
export function serviceLine({ standing: { health }, uses = [] }: HomeFacts): string {
  const requests = uses.reduce((sum, { count }) => sum + count, 0);
  const seen = `${formatValue(requests, 'none')} requests in ${minutes} min`;
  if (!health) return seen;
  return `${seen}, ${health.requests_in_flight} in flight. Version ${health.version}, up ${formatValue(health.uptime_seconds, 's')}.`;
}

/** What each model took, each figure leading to its requests. */
export function useTable(uses: readonly ModelUse[] | undefined): HTMLElement {
  const card = (content: HTMLElement) =>
    element('section', { class: 'card', 'aria-label': 'Models in use' }, element('h2', {}, 'Models in use'), content);
  if (uses === undefined) return card(emptyNotice('The flight recorder cannot be asked.'));
  if (uses.length === 0)
    return card(
      emptyNotice(`No request in the last ${minutes} minutes. `, element('a', { href: '#/try' }, 'Make one')),
    );
  const heads = ['Model', 'Requests', 'Failed', 'Refused', 'p50', 'p95', 'p99', 'Slowest'];
  return card(
    scrollRegion(
      'Models in use',
      gridTable(
        heads.map((name, at) =>
          columnHead(name, at === 0 ? undefined : at === 4 || at === 6 ? 'number minor' : 'number'),
        ),
        [...uses].sort((a, b) => b.count - a.count).map(useRow),
      ),
    ),
  );
}

function useRow(use: ModelUse): HTMLElement {
  const {
    model,
    task,
    count,
    by_fault: { server = 0, caller = 0 },
  } = use;
  const link = (text: string, of: Record<string, string>) =>
    element('a', { href: hashOf(['requests'], new URLSearchParams({ model, minutes: String(minutes), ...of })) }, text);
  const number = (value: number, of: Record<string, string>) =>
    value === 0 ? '0' : link(formatValue(value, 'none'), of);
  return element(
    'tr',
    { class: server > 0 ? 'failed' : undefined },
    element('th', { scope: 'row' }, task ? `${model} · ${task}` : model),
    element('td', { class: 'number' }, number(count, {})),
    element(
      'td',
      { class: `number ${server > 0 ? 'bad-text' : ''}` },
      number(server, { order: 'failed', fault: 'server' }),
    ),
    element('td', { class: 'number' }, number(caller, { order: 'failed', fault: 'caller' })),
    element('td', { class: 'number minor' }, ms(use.p50_ms)),
    element('td', { class: 'number' }, ms(use.p95_ms)),
    element('td', { class: 'number minor' }, ms(use.p99_ms)),
    element('td', { class: 'number' }, link(ms(use.max_ms), { order: 'slowest' })),
  );
}

/** A few requests, each leading to its page; the head leads to all. */
export function requestCard(
  title: string,
  requests: readonly ListedRequest[] | undefined,
  of: Record<string, string>,
): HTMLElement {
  const all = hashOf(['requests'], new URLSearchParams(of));
  return element(
    'section',
    { class: 'card', 'aria-label': title },
    element('h2', {}, element('a', { href: all }, title)),
    requests === undefined
      ? emptyNotice('The flight recorder cannot be asked.')
      : requests.length === 0
        ? emptyNotice(`None in the last ${minutes} minutes.`)
        : element('ul', { class: 'short-list' }, requests.map(requestLine)),
  );
}

function requestLine(request: ListedRequest): HTMLElement {
  const { trace_id, method, route, model, task, duration_ms, started_at } = request;
  return element(
    'li',
    {},
    element(
      'a',
      { href: hashOf(['requests', trace_id]) },
      element('b', {}, ms(duration_ms)),
      element('span', {}, task ? `${task} · ${model ?? ''}` : (model ?? `${method} ${route}`)),
    ),
    request.failed && statusBadge(request),
    element('time', { class: 'quiet', datetime: started_at }, ago(Date.parse(started_at))),
  );
}

/** The processes that serve the port together. */
export function processTable(processes: readonly ServiceProcess[]): HTMLElement {
  const columns = ['Process', 'State', 'Up', 'Restarts', 'In flight', 'Connections'];
  return element(
    'section',
    { class: 'card', 'aria-label': 'Processes' },
    element('h2', {}, 'Processes'),
    scrollRegion(
      'Processes',
      gridTable(
        columns.map((name, at) => columnHead(name, at > 1 ? 'number' : undefined)),
        processes.map((each) =>
          element(
            'tr',
            { class: each.state === 'ready' ? undefined : 'failed' },
            element('th', { scope: 'row' }, `${each.process}${each.pid ? ` (pid ${each.pid})` : ''}`),
            element(
              'td',
              {},
              element('span', { class: `badge ${each.state === 'ready' ? 'good' : 'warn'}` }, each.state),
            ),
            element('td', { class: 'number' }, ago(Date.parse(each.started_at)).replace(' ago', '')),
            element('td', { class: 'number' }, String(each.restarts)),
            element('td', { class: 'number' }, String(each.requests_in_flight)),
            element('td', { class: 'number' }, String(each.connections)),
          ),
        ),
      ),
    ),
  );
}
