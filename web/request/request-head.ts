import { sessionKey } from '../asking/session-key.ts';
import { copyText } from '../dom/copy-text.ts';
import { type Child, element } from '../dom/element.ts';
import { saveFile } from '../dom/save-file.ts';
import { dayAndClock, zoneName } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { nameView } from '../frame/page-title.ts';
import { grafanaLink } from '../grafana-link.ts';
import { pageFacts } from '../page-facts.ts';
import type { FlightRecord } from './flight-record.ts';
import { statusBadge } from './request-table.ts';
import type { SpanNode } from './span-tree.ts';

const whoseFault = {
  caller: 'The caller was sent',
  left: 'The caller left',
  server: 'The server failed; the caller was sent',
} as const;

/** The sentence that the caller was sent, without the caller's own words. */
export function failureSays(sentence: string, fault: FlightRecord['fault']): HTMLElement {
  return element(
    'section',
    { class: 'card', 'aria-label': 'Why it failed' },
    element('h2', {}, fault === null ? 'The caller was sent' : whoseFault[fault]),
    element('p', {}, sentence),
  );
}

/** Fills the head of a request's page; `record` is undefined where the flight recorder has none. */
export function drawHead(head: HTMLElement, id: string, record: FlightRecord | undefined): void {
  const traceId = record?.trace_id ?? id;
  nameView(record ? `${record.status} ${record.method} ${record.route}` : `Request ${traceId.slice(0, 8)}`);
  const titleRow = element(
    'div',
    { class: 'title-row' },
    element('h1', {}, record ? `${record.method} ${record.route}` : 'Request'),
    record && statusBadge(record),
    record && element('strong', { class: 'big-time' }, formatValue(record.duration_ms / 1000, 's')),
    headActions(traceId, record),
  );
  head.replaceChildren(
    element(
      'p',
      { class: 'crumbs' },
      element('a', { href: '#/requests' }, 'Requests'),
      ' / ',
      element('span', { class: 'mono' }, traceId.slice(0, 16)),
    ),
    titleRow,
    element('p', { class: 'quiet' }, record ? whatItWas(record) : ''),
  );
  void addGrafanaLink(titleRow, traceId);
}

function headActions(traceId: string, record: FlightRecord | undefined): HTMLElement {
  const copy = (name: string, text: () => string) =>
    element(
      'button',
      { type: 'button', class: 'small', onclick: ({ target }) => void copyText(text(), target as HTMLElement) },
      name,
    );
  return element(
    'div',
    { class: 'row' },
    copy('Copy the trace id', () => traceId),
    copy('Link', () => `${location.origin}/#/requests/${traceId}`),
    copy('curl', () => curlOf(traceId)),
    record &&
      element(
        'button',
        {
          type: 'button',
          class: 'small',
          onclick: () => void saveFile(`request-${traceId}.json`, 'application/json', JSON.stringify(record, null, 2)),
        },
        'JSON',
      ),
  );
}

/** Asks for this record in a terminal; the key stays out, since it would land in a history. */
function curlOf(traceId: string): string {
  const key = sessionKey() === '' ? '' : ' -H "Authorization: Bearer $VITRINE_KEY"';
  return `curl -s${key} '${location.origin}/v1/requests/${traceId}/why'`;
}

/** A job's trace, or one that the recorder has forgotten: its first span has its name and time. */
export function drawHeadOfSpan(head: HTMLElement, first: SpanNode, { at, ms }: { at: string; ms: number }): void {
  const title = head.querySelector('h1')!;
  title.textContent = `${first.service}: ${first.name}`;
  title.after(element('strong', { class: 'big-time' }, formatValue(ms / 1000, 's')));
  head.lastElementChild!.textContent = dayAndClock(Date.parse(at));
}

function whatItWas(record: FlightRecord): Child[] {
  return [
    `${dayAndClock(Date.parse(record.started_at))} (${zoneName()})`,
    record.model && ` · ${record.model} ${record.version ?? ''}`,
    record.task && ` · ${record.task}`,
    record.tenant && ` · ${record.tenant}`,
    record.kept ? ` · trace kept: ${record.kept}` : ' · trace not kept',
    record.request_id !== record.trace_id && ` · request id ${record.request_id}`,
    record.failure && [
      ' · ',
      element('a', { href: `#/reference/errors/${record.failure}` }, `what ${record.failure} means`),
    ],
  ];
}

async function addGrafanaLink(titleRow: HTMLElement, traceId: string): Promise<void> {
  const facts = await pageFacts(new AbortController().signal).catch(() => undefined);
  const asked = { refId: 'A', datasource: { type: 'tempo', uid: 'tempo' }, queryType: 'traceql', query: traceId };
  const panes = encodeURIComponent(JSON.stringify({ trace: { datasource: 'tempo', queries: [asked] } }));
  const link = facts && grafanaLink(facts, `/explore?schemaVersion=1&panes=${panes}`);
  if (link) titleRow.append(element('a', { href: link }, 'In Grafana'));
}
