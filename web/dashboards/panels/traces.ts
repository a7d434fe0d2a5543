import { breakable } from '../../dom/breakable.ts';
import { element } from '../../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../../dom/grid-table.ts';
import { emptyNotice } from '../../dom/notice.ts';
import { dayAndClock } from '../../format/format-time.ts';
import { formatValue } from '../../format/format-value.ts';
import type { PanelData } from '../panel-data.ts';
import type { DrawPanel } from './panel-view.ts';

/**
 * What a search for traces found: newest first, or slowest where the panel is sorted by how long
 * they took.
 */
export const drawTraces: DrawPanel = (body, { panel, data }) => {
  if (data.traces.length === 0) {
    body.append(emptyNotice('No traces in this time.'));
    return;
  }
  body.append(
    scrollRegion(
      panel.title ?? 'Traces',
      tracesTable(data.traces, panel.options?.sortBy?.[0]?.displayName === 'Duration'),
    ),
  );
};

export function tracesTable(traces: PanelData['traces'], slowestFirst = false): HTMLElement {
  const inOrder = [...traces].sort((a, b) =>
    slowestFirst
      ? (b.durationMs ?? 0) - (a.durationMs ?? 0)
      : Number(BigInt(b.startTimeUnixNano) - BigInt(a.startTimeUnixNano)),
  );
  return gridTable(
    [['Trace', 'Began', 'What', 'Service'].map((name) => columnHead(name)), columnHead('Took', 'number')],
    inOrder.map(({ traceID, startTimeUnixNano, rootTraceName, rootServiceName, durationMs }) =>
      element(
        'tr',
        {},
        element('td', {}, element('a', { class: 'mono', href: `#/requests/${traceID}` }, traceID.slice(0, 12))),
        element('td', { class: 'mono' }, dayAndClock(Number(BigInt(startTimeUnixNano) / 1_000_000n))),
        element('td', {}, breakable(rootTraceName ?? '–')),
        element('td', {}, rootServiceName ?? '–'),
        element('td', { class: 'number' }, formatValue((durationMs ?? 0) / 1000, 's')),
      ),
    ),
  );
}
