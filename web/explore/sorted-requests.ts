import { breakable } from '../dom/breakable.ts';
import { element } from '../dom/element.ts';
import { gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { clock, dayAndClock, zoneName } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import type { ListedRequest } from '../request/flight-record.ts';
import { statusBadge } from '../request/request-table.ts';
import { hashOf } from '../route.ts';
import type { ChosenRequests } from './chosen-requests.ts';

type Column = {
  name: string;
  title: string;
  kind?: string;
  of: (request: ListedRequest) => string | number;
};

const columns: readonly Column[] = [
  { name: 'when', title: 'When', of: ({ started_at }) => Date.parse(started_at) },
  { name: 'route', title: 'Request', of: ({ method, route }) => `${method} ${route}` },
  { name: 'model', title: 'Model', kind: 'minor', of: ({ model }) => model ?? '' },
  { name: 'tenant', title: 'Tenant', kind: 'minor', of: ({ tenant }) => tenant ?? '' },
  { name: 'status', title: 'Status', of: ({ status, failure }) => `${status} ${failure ?? ''}` },
  { name: 'queue', title: 'Queue', kind: 'number minor', of: ({ queue_ms }) => queue_ms },
  { name: 'run', title: 'Run', kind: 'number minor', of: ({ run_ms }) => run_ms },
  { name: 'took', title: 'Took', kind: 'number', of: ({ duration_ms }) => duration_ms },
  { name: 'kept', title: 'Trace', kind: 'minor', of: ({ kept }) => kept ?? '' },
];

/** The list of requests, sorted by the column that is pressed; two that are ticked are compared. */
export class SortedRequests {
  readonly host = element('div', { class: 'list' });
  readonly #chosen: ChosenRequests;
  readonly #onMore: () => void;
  #requests: readonly ListedRequest[] = [];
  #hasMore = false;
  readonly #ticked = new Set<string>();

  constructor(chosen: ChosenRequests, onMore: () => void) {
    this.#chosen = chosen;
    this.#onMore = onMore;
  }

  show(requests: readonly ListedRequest[], hasMore: boolean): void {
    this.#requests = requests;
    this.#hasMore = hasMore;
    this.#draw();
  }

  get #sort(): { name: string; isDescending: boolean } | undefined {
    const given = this.#chosen.parameters.get('sort');
    return given ? { name: given.replace(/^-/, ''), isDescending: given.startsWith('-') } : undefined;
  }

  #draw(): void {
    if (this.#requests.length === 0) {
      this.host.replaceChildren(
        emptyNotice('No request of this time fits. ', element('a', { href: '#/try' }, 'Make one')),
      );
      return;
    }
    const focused = this.host.contains(document.activeElement)
      ? document.activeElement?.getAttribute('data-focus')
      : undefined;
    this.host.replaceChildren(
      scrollRegion(
        'Requests',
        gridTable(
          [
            element('th', { class: 'minor' }, element('span', { class: 'hidden-text' }, 'Compare')),
            ...columns.map((column) => this.#head(column)),
          ],
          this.#rows(),
          'requests',
        ),
      ),
      element('div', { class: 'row list-foot' }, this.#compareLink(), this.#hasMore && this.#moreButton()),
    );
    // A refresh leaves a person where they are.
    if (focused) this.host.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
  }

  #head({ name, title, kind }: Column): HTMLElement {
    const sort = this.#sort;
    const isSorted = sort?.name === name;
    const press = () => {
      const next = !isSorted ? `-${name}` : sort.isDescending ? name : '';
      this.#chosen.set({ sort: next }, false);
      this.#draw();
    };
    return element(
      'th',
      {
        scope: 'col',
        class: kind,
        'aria-sort': isSorted ? (sort.isDescending ? 'descending' : 'ascending') : undefined,
        title: name === 'when' ? zoneName() : undefined,
      },
      element(
        'button',
        { type: 'button', onclick: press, 'data-focus': `sort-${name}` },
        title,
        isSorted ? (sort.isDescending ? ' ↓' : ' ↑') : '',
      ),
    );
  }

  #rows(): HTMLElement[] {
    const sort = this.#sort;
    const column = columns.find(({ name }) => name === sort?.name);
    const sorted =
      sort && column
        ? this.#requests.toSorted((a, b) => compared(column.of(a), column.of(b)) * (sort.isDescending ? -1 : 1))
        : this.#requests;
    const [least, most] = [
      Math.min(...sorted.map(({ duration_ms }) => duration_ms)),
      Math.max(...sorted.map(({ duration_ms }) => duration_ms)),
    ];
    return sorted.map((request) => this.#row(request, shareOf(request.duration_ms, least, most)));
  }

  #row(each: ListedRequest, share: number): HTMLElement {
    const at = Date.parse(each.started_at);
    const time = (ms: number) => (ms > 0 ? formatValue(ms / 1000, 's') : '');
    return element(
      'tr',
      { class: each.fault === 'server' ? 'failed' : undefined },
      element('td', { class: 'minor' }, this.#tick(each)),
      element(
        'td',
        { class: 'mono' },
        element('time', { datetime: each.started_at, title: dayAndClock(at) }, clock(at)),
      ),
      element(
        'td',
        {},
        element(
          'a',
          { href: `#/requests/${encodeURIComponent(each.trace_id)}`, 'data-focus': each.trace_id },
          breakable(`${each.method} ${each.route}`),
        ),
      ),
      element(
        'td',
        { class: 'minor' },
        each.model ? `${each.model}${each.task ? ` · ${each.task}` : ''}` : (each.task ?? '–'),
      ),
      element('td', { class: 'minor' }, each.tenant ?? '–'),
      element('td', {}, statusBadge(each)),
      element('td', { class: 'number minor quiet' }, time(each.queue_ms)),
      element('td', { class: 'number minor quiet' }, time(each.run_ms)),
      element(
        'td',
        { class: 'number took' },
        element('i', { 'aria-hidden': 'true', style: { width: `${share * 100}%` } }),
        element('span', {}, formatValue(each.duration_ms / 1000, 's')),
      ),
      element('td', { class: 'quiet minor' }, each.kept ?? ''),
    );
  }

  #tick({ trace_id: id, method, route }: ListedRequest): HTMLElement {
    const box = element('input', {
      type: 'checkbox',
      'aria-label': `Compare ${method} ${route}`,
      'data-focus': `tick-${id}`,
      onchange: () => {
        if (box.checked) this.#ticked.add(id);
        else this.#ticked.delete(id);
        // The oldest gives way: two are compared.
        if (this.#ticked.size > 2) this.#ticked.delete([...this.#ticked][0]!);
        this.#draw();
      },
    });
    box.checked = this.#ticked.has(id);
    return box;
  }

  #compareLink(): HTMLElement | undefined {
    const [first, second] = [...this.#ticked];
    if (first === undefined || second === undefined) return undefined;
    return element(
      'a',
      { class: 'button small', href: hashOf(['compare', first, second]) },
      'Compare the two side by side',
    );
  }

  #moreButton(): HTMLElement {
    return element(
      'button',
      { type: 'button', class: 'small', onclick: this.#onMore, 'data-focus': 'more' },
      'Show more',
    );
  }
}

/** Logarithmic: of 1 ms and 10 s, both can be seen. */
function shareOf(ms: number, least: number, most: number): number {
  const log = (value: number) => Math.log10(Math.max(0.01, value));
  if (most <= least) return 0.5;
  return 0.04 + 0.96 * ((log(ms) - log(least)) / (log(most) - log(least) || 1));
}

function compared(one: string | number, other: string | number): number {
  return typeof one === 'number' ? one - Number(other) : one.localeCompare(String(other));
}
