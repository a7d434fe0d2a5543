import type { LogLine } from '../asking/answers.ts';
import { element } from '../dom/element.ts';
import { clock, dayAndClock } from '../format/format-time.ts';

/** Labels that say nothing about a single line. */
const everywhere =
  /^(service_|deployment_|host_|telemetry_|process_|os_|scope_|observed_timestamp|flags|detected_level|log_stream$)/;

/** Log lines, each with its fields on demand. `spanOf` makes a line's span a button. */
export function logTable(
  lines: readonly LogLine[],
  of: { label: string; withTrace?: boolean; onSpan?: (spanId: string) => void },
): HTMLElement {
  return element(
    'ul',
    { class: 'log', 'aria-label': of.label },
    lines.map((line) => {
      const atMs = Number(line.timeNs / 1_000_000n);
      const level = levelOf(line);
      const { trace_id: traceId, span_id: spanId } = line.labels;
      const { onSpan } = of;
      return element(
        'li',
        { class: `log-line ${level}`, 'data-span': spanId },
        element(
          'details',
          {},
          element(
            'summary',
            {},
            element('time', { datetime: new Date(atMs).toISOString(), title: dayAndClock(atMs) }, clock(atMs, true)),
            element('span', { class: 'log-level' }, level),
            element('span', { class: 'log-text' }, line.line),
          ),
          element(
            'div',
            { class: 'log-more' },
            traceId !== undefined &&
              of.withTrace !== false &&
              element('a', { href: `#/requests/${traceId}` }, 'Open this request'),
            spanId !== undefined &&
              onSpan &&
              element('button', { type: 'button', class: 'small', onclick: () => onSpan(spanId) }, 'Show its span'),
            element(
              'dl',
              { class: 'facts' },
              Object.entries(line.labels)
                .filter(([name]) => !everywhere.test(name))
                .flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
            ),
          ),
        ),
      );
    }),
  );
}

function levelOf({ labels }: LogLine): string {
  const said = (labels.severity_text ?? labels.detected_level ?? labels.level ?? 'info').toLowerCase();
  return said.startsWith('err') || said === 'fatal'
    ? 'error'
    : said.startsWith('warn')
      ? 'warn'
      : said === 'debug'
        ? 'debug'
        : 'info';
}
