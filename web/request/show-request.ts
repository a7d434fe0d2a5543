import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { pageFacts } from '../page-facts.ts';
import { type Around, aroundRequest } from './around-request.ts';
import { type FlightRecord, flightRecord } from './flight-record.ts';
import { requestFacts } from './request-facts.ts';
import { drawHead, drawHeadOfSpan, failureSays } from './request-head.ts';
import { drawRequestLogs } from './request-logs.ts';
import { RequestSpans } from './request-spans.ts';
import type { SpanNode } from './span-tree.ts';
import { timeAccount } from './time-account.ts';
import { askWhy, whyCard } from './why-answer.ts';

/**
 * One request: its time, spans, log lines and surroundings. Each part says so when its store is
 * down.
 */
export async function showRequest(host: HTMLElement, id: string, signal: AbortSignal): Promise<void> {
  const head = element('div', {});
  const account = element('section', { class: 'card', 'aria-label': 'Where the time went' });
  const facts = element('div', {});
  const logs = element('section', { class: 'card', 'aria-label': 'Log lines' });
  const around = element('section', { 'aria-label': 'Around it' });
  account.append(busyNotice('Asking the flight recorder …'));
  const why = element('div', {});
  host.append(head, why, account, facts);
  drawHead(head, id, undefined);
  const [record] = await Promise.all([drawRecord(id, { account, facts, signal }), drawWhy(why, id, signal)]);
  drawHead(head, id, record);
  const traceId = record?.trace_id ?? id;
  const spans = new RequestSpans({
    traceId,
    record,
    logs,
    onUnrecorded: async (first) => {
      const of = aroundSpan(first);
      drawHeadOfSpan(head, first, { at: of.started_at, ms: of.duration_ms });
      account.hidden = true;
      await drawAround(around, of, signal);
    },
    signal,
  });
  host.append(spans.host, logs, around);
  await Promise.all([
    spans.draw(),
    drawRequestLogs(logs, { traceId, record, onSpan: (spanId) => spans.show(spanId), signal }),
    record && drawAround(around, record, signal),
  ]);
}

/** Above everything else: why it took as long as it did, or failed. */
async function drawWhy(host: HTMLElement, id: string, signal: AbortSignal): Promise<void> {
  try {
    const why = await askWhy(id, signal);
    if (why) host.append(whyCard(why));
  } catch (error) {
    if (isAbort(error)) throw error;
    host.append(failureNotice(error));
  }
}

/** What the flight recorder has: where the time went, why it failed, and the facts. */
async function drawRecord(
  id: string,
  { account, facts, signal }: { account: HTMLElement; facts: HTMLElement; signal: AbortSignal },
): Promise<FlightRecord | undefined> {
  const put = (content: HTMLElement) => account.replaceChildren(element('h2', {}, 'Where the time went'), content);
  try {
    const record = await flightRecord(id, signal);
    put(record ? timeAccount(record) : emptyNotice('The flight recorder does not remember this request (any more).'));
    if (record?.failure_says) account.before(failureSays(record.failure_says, record.fault));
    if (record) facts.append(requestFacts(record));
    return record;
  } catch (error) {
    if (isAbort(error)) throw error;
    put(failureNotice(error));
    return undefined;
  }
}

function aroundSpan(first: SpanNode): Around {
  return {
    started_at: new Date(Number(first.start / 1_000_000n)).toISOString(),
    duration_ms: Number(first.end - first.start) / 1e6,
    model: first.attributes.find(([name]) => name === 'inference.model.name')?.[1] ?? null,
  };
}

async function drawAround(host: HTMLElement, of: Around, signal: AbortSignal): Promise<void> {
  host.replaceChildren(
    element('h2', {}, 'Around it'),
    element('p', { class: 'quiet' }, 'Two minutes before and after; the dashed line is this request.'),
  );
  host.append(aroundRequest(of, await pageFacts(signal), signal));
}
