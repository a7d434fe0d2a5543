import { AskFailure } from '../asking/ask.ts';
import { logLines, read } from '../asking/backends.ts';
import { copyText } from '../dom/copy-text.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { grafanaLink } from '../grafana-link.ts';
import { pageFacts } from '../page-facts.ts';
import { type Around, aroundRequest } from './around-request.ts';
import { type FlightRecord, flightRecord } from './flight-record.ts';
import { logTable } from './log-table.ts';
import { requestFacts } from './request-facts.ts';
import { statusBadge } from './request-table.ts';
import { spanFacts } from './span-facts.ts';
import { inOrder, type SpanNode, spanTree, type TempoTrace } from './span-tree.ts';
import { spanWaterfall, type Waterfall } from './span-waterfall.ts';
import { timeAccount } from './time-account.ts';

/** One request: where its time went, its spans, its log lines, and what stood around it. Each part says so when its store is away. */
export async function showRequest(host: HTMLElement, id: string, signal: AbortSignal): Promise<void> {
  const head = element('div', {});
  const account = element(
    'section',
    { class: 'card', 'aria-label': 'Where the time went' },
    busyNotice('Asking the flight recorder …'),
  );
  const facts = element('div', {});
  const spans = element('section', { class: 'card', 'aria-label': 'Spans' });
  const logs = element('section', { class: 'card', 'aria-label': 'Log lines' });
  const around = element('section', { 'aria-label': 'Around it' });
  host.append(head, account, facts, spans, logs, around);
  title(head, id, undefined);

  let record: FlightRecord | undefined;
  try {
    record = await flightRecord(id, signal);
    account.replaceChildren(
      element('h2', {}, 'Where the time went'),
      record ? timeAccount(record) : emptyNotice('The flight recorder does not remember this request (any more).'),
    );
    if (record?.failure_says) account.before(failureSays(record.failure_says, record.fault));
    if (record) facts.append(requestFacts(record));
  } catch (error) {
    if (isAbort(error)) throw error;
    account.replaceChildren(element('h2', {}, 'Where the time went'), failureNotice(error));
  }
  title(head, id, record);
  const traceId = record?.trace_id ?? id;
  let waterfall: Waterfall | undefined;
  const showSpan = (spanId: string) => waterfall?.select(spanId, true);
  await Promise.all([drawSpans(), drawLogs(), record && drawAround(record)]);

  async function drawSpans(): Promise<void> {
    spans.replaceChildren(element('h2', {}, 'Spans'), busyNotice('Looking for the trace …'));
    if (!/^[0-9a-f]{32}$/.test(traceId))
      return void spans.replaceChildren(
        element('h2', {}, 'Spans'),
        emptyNotice('This is no trace id, and no request of this id is remembered.'),
      );
    if (record && record.kept === null)
      return void spans.replaceChildren(
        element('h2', {}, 'Spans'),
        emptyNotice(
          'Its trace was not kept: it neither failed nor was slow, and others came first. Send X-Vitrine-Trace: 1 to keep one.',
        ),
      );
    try {
      let roots = await untilThere(readSpans);
      if (!roots)
        return void spans.replaceChildren(
          element('h2', {}, 'Spans'),
          emptyNotice('Tempo has no trace of this id (yet).'),
        );
      drawTree(roots);
      if (!record) await drawFromSpans(roots[0]!);
      for (let asked = 0; asked < profileAskedMax && awaitsProfile(roots); asked += 1) {
        await pause(profileMs, signal);
        roots = (await readSpans()) ?? roots;
        if (!awaitsProfile(roots)) drawTree(roots);
      }
    } catch (error) {
      if (!isAbort(error))
        spans.replaceChildren(
          element('h2', {}, 'Spans'),
          failureNotice(error, () => void drawSpans()),
        );
    }
  }

  async function readSpans(): Promise<SpanNode[] | undefined> {
    const found = spanTree(await read<TempoTrace>(`tempo/api/v2/traces/${traceId}`, {}, signal));
    return found.length > 0 ? found : undefined;
  }

  function drawTree(roots: readonly SpanNode[]): void {
    const beside = element('aside', { class: 'beside', 'aria-label': 'The chosen span', 'aria-live': 'polite' });
    waterfall = spanWaterfall(roots, (node) => choose(beside, node));
    spans.replaceChildren(element('h2', {}, 'Spans'), element('div', { class: 'split' }, waterfall.host, beside));
    choose(beside, roots[0]!);
  }

  /** A job's trace, or one that the recorder has forgotten: its first span says what it was, and when. */
  async function drawFromSpans(first: SpanNode): Promise<void> {
    const ms = Number(first.end - first.start) / 1e6;
    const started_at = new Date(Number(first.start / 1_000_000n)).toISOString();
    const model = first.attributes.find(([name]) => name === 'inference.model.name')?.[1] ?? null;
    head.querySelector('h1')!.textContent = `${first.service}: ${first.name}`;
    head.querySelector('h1')!.after(element('strong', { class: 'big-time' }, formatValue(ms / 1000, 's')));
    head.lastElementChild!.textContent = dayAndClock(Date.parse(started_at));
    account.hidden = true;
    await drawAround({ started_at, duration_ms: ms, model });
  }

  function choose(beside: HTMLElement, node: SpanNode): void {
    const lines = [...logs.querySelectorAll<HTMLElement>('[data-span]')];
    const own = lines.filter((line) => line.dataset.span === node.id);
    for (const line of lines) line.classList.toggle('of-span', line.dataset.span === node.id);
    const first = own[0]?.querySelector('summary');
    beside.replaceChildren(
      spanFacts(
        node,
        first
          ? () => {
              first.scrollIntoView({ block: 'center' });
              first.focus();
            }
          : undefined,
      ),
    );
  }

  async function drawLogs(): Promise<void> {
    logs.replaceChildren(element('h2', {}, 'Log lines'), busyNotice('Asking Loki …'));
    if (!/^[0-9a-f]{32}$/.test(traceId)) return void logs.replaceChildren();
    const centre = record ? Date.parse(record.started_at) : Date.now();
    const from = Math.floor(centre / 1000) - 3600;
    const to = Math.ceil(record ? (centre + record.duration_ms) / 1000 : centre / 1000) + 3600;
    try {
      const lines = await untilThere(async () => {
        const found = await logLines(
          {
            query: `{service_name=~".+"} | trace_id="${traceId}"`,
            start: `${from}000000000`,
            end: `${to}000000000`,
            limit: 500,
            direction: 'backward',
          },
          signal,
        );
        return found.length > 0 ? found : undefined;
      });
      logs.replaceChildren(
        element('h2', {}, 'Log lines'),
        lines
          ? logTable([...lines].reverse(), { label: 'Log lines of this request', withTrace: false, onSpan: showSpan })
          : emptyNotice('Loki has no line of this trace (yet).'),
      );
    } catch (error) {
      if (!isAbort(error))
        logs.replaceChildren(
          element('h2', {}, 'Log lines'),
          failureNotice(error, () => void drawLogs()),
        );
    }
  }

  async function drawAround(of: Around): Promise<void> {
    around.replaceChildren(
      element('h2', {}, 'Around it'),
      element('p', { class: 'quiet' }, 'Two minutes before and after; the dashed line is this request.'),
    );
    around.append(aroundRequest(of, await pageFacts(signal), signal));
  }

  /** What was just told takes a moment to arrive; of an old request all is there at once, or never. */
  async function untilThere<Found>(look: () => Promise<Found | undefined>): Promise<Found | undefined> {
    const isNew = !record || Date.now() - Date.parse(record.started_at) < 60_000;
    const endsAt = Date.now() + (isNew ? 12_000 : 0);
    for (;;) {
      const found = await look().catch((error: unknown) => {
        if (error instanceof AskFailure && error.status === 404) return undefined;
        throw error;
      });
      if (found || Date.now() >= endsAt) return found;
      await pause(700, signal);
    }
  }
}

/** The operators of a profiled run are told after its answer, by a run of their own (VITRINE_PROFILE_MS_MAX): asked so often, so far apart. */
const profileMs = 3_000;
const profileAskedMax = 12;

function awaitsProfile(roots: readonly SpanNode[]): boolean {
  const every = inOrder(roots);
  return (
    every.some(({ attributes }) =>
      attributes.some(([name, value]) => name === 'inference.profile' && value === 'taken'),
    ) && !every.some(({ name }) => name === 'inference.profile')
  );
}

const whoseFault = {
  caller: 'The caller was told',
  left: 'The caller left',
  server: 'The server failed; the caller was told',
} as const;

/** The sentence that the caller was sent, without the caller's own words. */
function failureSays(sentence: string, fault: FlightRecord['fault']): HTMLElement {
  return element(
    'section',
    { class: 'card', 'aria-label': 'Why it failed' },
    element('h2', {}, fault === null ? 'The caller was told' : whoseFault[fault]),
    element('p', {}, sentence),
  );
}

function title(head: HTMLElement, id: string, record: FlightRecord | undefined): void {
  head.replaceChildren(
    element(
      'p',
      { class: 'crumbs' },
      element('a', { href: '#/requests' }, 'Requests'),
      ' / ',
      element('span', { class: 'mono' }, (record?.trace_id ?? id).slice(0, 16)),
    ),
    element(
      'div',
      { class: 'title-row' },
      element('h1', {}, record ? `${record.method} ${record.route}` : 'Request'),
      record && statusBadge(record),
      record && element('strong', { class: 'big-time' }, formatValue(record.duration_ms / 1000, 's')),
      element(
        'button',
        {
          type: 'button',
          class: 'small',
          onclick: ({ target }) => void copyText(record?.trace_id ?? id, target as HTMLElement),
        },
        'Copy the trace id',
      ),
    ),
    element(
      'p',
      { class: 'quiet' },
      record
        ? [
            dayAndClock(Date.parse(record.started_at)),
            record.model && ` · ${record.model} ${record.version ?? ''}`,
            record.task && ` · ${record.task}`,
            record.tenant && ` · ${record.tenant}`,
            record.kept ? ` · trace kept: ${record.kept}` : ' · trace not kept',
            record.request_id !== record.trace_id && ` · request id ${record.request_id}`,
          ]
        : '',
    ),
  );
  void pageFacts(new AbortController().signal).then(
    (facts) => {
      const query = encodeURIComponent(
        JSON.stringify({
          trace: {
            datasource: 'tempo',
            queries: [
              {
                refId: 'A',
                datasource: { type: 'tempo', uid: 'tempo' },
                queryType: 'traceql',
                query: record?.trace_id ?? id,
              },
            ],
          },
        }),
      );
      const link = grafanaLink(facts, `/explore?schemaVersion=1&panes=${query}`);
      if (link) head.querySelector('.title-row')?.append(element('a', { href: link }, 'In Grafana'));
    },
    () => undefined,
  );
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(new DOMException('The person went elsewhere.', 'AbortError'));
    });
  });
}
