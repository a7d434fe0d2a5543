import { AskFailure } from '../asking/ask.ts';
import { logLines, searchTraces } from '../asking/backends.ts';
import { tracesTable } from '../dashboards/panels/traces.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { hashOf, replaceParameters, type View } from '../route.ts';
import { listRequests, type RequestOrder } from './flight-record.ts';
import { logTable } from './log-table.ts';
import { requestTable } from './request-table.ts';
import { showRequest } from './show-request.ts';

const orders: readonly [RequestOrder, string][] = [
  ['recent', 'Recent'],
  ['slowest', 'Slowest'],
  ['failed', 'Failed'],
];

/** The last requests as the flight recorder has them, and the way to any by its id; or the one that the address names. */
export const showRequests: View = async (host, route, signal) => {
  const [, id] = route.path;
  if (id !== undefined) return showRequest(host, id, signal);
  const { parameters } = route;
  const chosen = {
    order: (parameters.get('order') ?? 'recent') as RequestOrder,
    model: parameters.get('model') ?? '',
    minutes: Number(parameters.get('minutes') ?? 60),
  };
  const search = element('input', {
    id: 'request-id',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'request or trace id',
    maxlength: 128,
  });
  const tabs = orders.map(([order, title]) =>
    element(
      'button',
      { type: 'button', 'aria-pressed': String(order === chosen.order), onclick: () => choose(order) },
      title,
    ),
  );
  const model = element('input', {
    id: 'request-model',
    type: 'text',
    value: chosen.model,
    placeholder: 'all',
    maxlength: 128,
    onchange: () => filter(),
  });
  const list = element('div', { class: 'list', 'aria-live': 'polite' });
  const traceQuery = element('input', {
    id: 'trace-query',
    type: 'text',
    value: parameters.get('traces') ?? '{ span.error.type != nil }',
    spellcheck: 'false',
    maxlength: 2000,
  });
  const found = element('div', { 'aria-live': 'polite' });
  const logQuery = element('input', {
    id: 'log-query',
    type: 'text',
    value: parameters.get('logs') ?? '{service_name="vitrine"} | severity_text=~"(?i)warn|error"',
    spellcheck: 'false',
    maxlength: 2000,
  });
  const lines = element('div', { 'aria-live': 'polite' });
  host.append(
    element('h1', {}, 'Requests'),
    element(
      'div',
      { class: 'toolbar' },
      element(
        'div',
        { class: 'controls' },
        element(
          'div',
          { class: 'control' },
          element('span', { class: 'label' }, 'Show'),
          element('div', { class: 'segments', role: 'group', 'aria-label': 'Which requests' }, tabs),
        ),
        element('div', { class: 'control' }, element('label', { for: 'request-model' }, 'Model'), model),
        element('button', { type: 'button', class: 'small', onclick: () => void draw() }, 'Renew'),
      ),
      element(
        'form',
        { class: 'control', onsubmit: open },
        element('label', { for: 'request-id' }, 'Open by id'),
        element('div', { class: 'row' }, search, element('button', { type: 'submit', class: 'small' }, 'Open')),
      ),
    ),
    list,
    element(
      'details',
      { class: 'below', open: parameters.has('traces') },
      element('summary', {}, 'Search all stored traces'),
      element(
        'form',
        { class: 'row', onsubmit: searchTempo },
        element('label', { for: 'trace-query', class: 'hidden-text' }, 'TraceQL'),
        traceQuery,
        element('button', { type: 'submit' }, 'Search'),
      ),
      found,
    ),
    element(
      'details',
      { class: 'below', open: parameters.has('logs') },
      element('summary', {}, 'Search the log'),
      element(
        'form',
        { class: 'row', onsubmit: searchLoki },
        element('label', { for: 'log-query', class: 'hidden-text' }, 'LogQL'),
        logQuery,
        element('button', { type: 'submit' }, 'Search'),
      ),
      lines,
    ),
  );
  if (parameters.has('traces')) void searchTempo();
  if (parameters.has('logs')) void searchLoki();
  await draw();

  async function draw(): Promise<void> {
    list.replaceChildren(busyNotice('Asking the flight recorder …'));
    try {
      const requests = await listRequests({ ...chosen, count: 50 }, signal);
      const what = chosen.order === 'failed' ? 'failed' : 'remembered';
      list.replaceChildren(
        requests.length > 0
          ? requestTable(requests, 'Requests')
          : emptyNotice(
              `No request ${what} in the last ${chosen.minutes} minutes. `,
              element('a', { href: '#/try' }, 'Make one'),
            ),
      );
    } catch (error) {
      if (isAbort(error)) return;
      const isOff = error instanceof AskFailure && error.status === 404;
      list.replaceChildren(
        isOff
          ? emptyNotice('The flight recorder is off: with OTEL_SDK_DISABLED nothing is remembered.')
          : failureNotice(error, () => void draw()),
      );
    }
  }

  function choose(order: RequestOrder): void {
    chosen.order = order;
    for (const [at, tab] of tabs.entries()) tab.setAttribute('aria-pressed', String(orders[at]![0] === order));
    parameters.set('order', order);
    replaceParameters(parameters);
    void draw();
  }

  function filter(): void {
    chosen.model = model.value.trim();
    parameters.set('model', chosen.model);
    replaceParameters(parameters);
    void draw();
  }

  function open(event: Event): void {
    event.preventDefault();
    // Whoever pastes a whole traceparent or traceresponse means its trace.
    const given = search.value.trim();
    const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(given)?.[1] ?? given;
    if (traceId !== '') location.hash = hashOf(['requests', traceId]);
  }

  async function searchLoki(event?: Event): Promise<void> {
    event?.preventDefault();
    lines.replaceChildren(busyNotice('Searching …'));
    try {
      const now = Math.ceil(Date.now() / 1000);
      const span = { start: `${now - 3600}000000000`, end: `${now}000000000` };
      const answered = await logLines({ query: logQuery.value, ...span, limit: 200, direction: 'backward' }, signal);
      lines.replaceChildren(
        answered.length > 0
          ? logTable(answered, { label: 'Lines found' })
          : emptyNotice('No line of the last hour fits.'),
      );
    } catch (error) {
      if (!isAbort(error)) lines.replaceChildren(failureNotice(error));
    }
  }

  async function searchTempo(event?: Event): Promise<void> {
    event?.preventDefault();
    found.replaceChildren(busyNotice('Searching …'));
    try {
      const now = Math.ceil(Date.now() / 1000);
      const traces = await searchTraces({ q: traceQuery.value, start: now - 3600, end: now, limit: 50 }, signal);
      found.replaceChildren(traces.length > 0 ? tracesTable(traces) : emptyNotice('No trace of the last hour fits.'));
    } catch (error) {
      if (!isAbort(error)) found.replaceChildren(failureNotice(error));
    }
  }
};
