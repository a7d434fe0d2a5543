import { logLines } from '../asking/backends.ts';
import { element } from '../dom/element.ts';
import { busyNotice, emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import type { FlightRecord } from './flight-record.ts';
import { logTable } from './log-table.ts';
import { untilThere } from './until-there.ts';

/** Draws the log lines of a request, from an hour before it to an hour after. */
export async function drawRequestLogs(
  host: HTMLElement,
  parts: {
    traceId: string;
    record: FlightRecord | undefined;
    onSpan: (spanId: string) => void;
    signal: AbortSignal;
  },
): Promise<void> {
  const { traceId, record, onSpan, signal } = parts;
  if (!/^[0-9a-f]{32}$/.test(traceId)) return host.replaceChildren();
  const put = (content: HTMLElement) => host.replaceChildren(element('h2', {}, 'Log lines'), content);
  put(busyNotice('Asking for its lines …'));
  const query = { query: `{service_name=~".+"} | trace_id="${traceId}"`, ...rangeOf(record) };
  try {
    const lines = await untilThere(
      record?.started_at,
      async () => {
        const found = await logLines({ ...query, limit: 500, direction: 'backward' }, signal);
        return found.length > 0 ? found : undefined;
      },
      signal,
    );
    put(
      lines
        ? logTable(lines.toReversed(), { label: 'Log lines of this request', withTrace: false, onSpan })
        : emptyNotice('There is no line of this trace (yet).'),
    );
  } catch (error) {
    if (!isAbort(error)) put(failureNotice(error, () => void drawRequestLogs(host, parts)));
  }
}

function rangeOf(record: FlightRecord | undefined): { start: string; end: string } {
  const startMs = record ? Date.parse(record.started_at) : Date.now();
  const endMs = startMs + (record?.duration_ms ?? 0);
  return {
    start: `${Math.floor(startMs / 1000) - 3600}000000000`,
    end: `${Math.ceil(endMs / 1000) + 3600}000000000`,
  };
}
