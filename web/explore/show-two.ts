import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { dayAndClock } from '../format/format-time.ts';
import { formatValue } from '../format/format-value.ts';
import { type FlightRecord, flightRecord } from '../request/flight-record.ts';
import { RequestSpans } from '../request/request-spans.ts';
import { askWhy } from '../request/why-answer.ts';
import { hashOf, type View } from '../route.ts';

type Fact = [name: string, of: (record: FlightRecord) => string | number | undefined, unit?: 'ms'];

const facts: readonly Fact[] = [
  ['took', ({ duration_ms }) => duration_ms, 'ms'],
  ['when', ({ started_at }) => dayAndClock(Date.parse(started_at))],
  ['status', ({ status, failure }) => `${status} ${failure ?? ''}`.trim()],
  ['failure', ({ failure_says }) => failure_says ?? undefined],
  ['route', ({ method, route }) => `${method} ${route}`],
  ['tenant', ({ tenant }) => tenant ?? undefined],
  ['model', ({ model, version }) => (model ? `${model} ${version ?? ''}` : undefined)],
  ['inputs', ({ inputs }) => inputs?.map(({ name, datatype, shape }) => `${name} ${datatype} [${shape}]`).join(', ')],
  ['waiting before it', ({ arrival }) => arrival?.waiting],
  ['predicted wait', ({ arrival }) => arrival?.predicted_wait_ms, 'ms'],
  ['batch requests', ({ batch }) => batch?.requests],
  ['batch rows', ({ batch }) => batch?.rows],
  ['batch closed', ({ batch }) => batch?.closed_by],
  ['lane', ({ batch }) => batch?.lane],
  ['ONNX Runtime', ({ batch }) => batch?.session_ms, 'ms'],
  ['CPU time of the run', ({ batch }) => batch?.cpu_ms ?? undefined, 'ms'],
];

/** Two requests side by side: what differs comes first in bold, then both traces. */
export const showTwo: View = async (host, { path }, signal) => {
  const [, first = '', second = ''] = path;
  const records = await Promise.all([first, second].map((id) => flightRecord(id, signal)));
  const sides = [first, second].map((id, at) => side(id, records[at], signal));
  const [one, other] = records;
  host.append(
    element('h1', {}, 'Two requests'),
    element(
      'div',
      { class: 'two' },
      sides.map(({ head }) => head),
    ),
    one && other
      ? element('section', { class: 'card', 'aria-label': 'Side by side' }, factTable(one, other))
      : emptyNotice('The flight recorder does not remember both (any more): only their traces are shown.'),
    element(
      'div',
      { class: 'two' },
      sides.map(({ spans }) => spans.host),
    ),
  );
  await Promise.all(sides.flatMap(({ spans, explain }) => [spans.draw(), explain()]));
};

function side(id: string, record: FlightRecord | undefined, signal: AbortSignal) {
  const why = element('p', {});
  const head = element(
    'section',
    { class: 'card' },
    element(
      'h2',
      {},
      element('a', { href: hashOf(['requests', id]) }, record ? `${record.method} ${record.route}` : id),
    ),
    record && element('strong', { class: 'big-time' }, formatValue(record.duration_ms / 1000, 's')),
    why,
  );
  const spans = new RequestSpans({
    traceId: record?.trace_id ?? id,
    record,
    logs: element('div', {}),
    onUnrecorded: async () => undefined,
    signal,
  });
  const explain = async () => {
    why.textContent = (await askWhy(id, signal).catch(() => undefined))?.sentence ?? '';
  };
  return { head, spans, explain };
}

function factTable(one: FlightRecord, other: FlightRecord): HTMLElement {
  const stages = [...new Set([...Object.keys(one.stages_ms), ...Object.keys(other.stages_ms)])].map(
    (stage): Fact => [`time in ${stage}`, ({ stages_ms }) => stages_ms[stage], 'ms'],
  );
  const rows = [...facts, ...stages]
    .map(([name, of, unit]) => ({ name, unit, values: [of(one), of(other)] as const }))
    .filter(
      ({ values: [a, b] }) => (a !== undefined && a !== '' && a !== 0) || (b !== undefined && b !== '' && b !== 0),
    )
    .sort((a, b) => partOf(b.values) - partOf(a.values));
  return scrollRegion(
    'Side by side',
    gridTable(
      ['', 'First', 'Second', 'Difference'].map((name) => columnHead(name)),
      rows.map(({ name, unit, values: [a, b] }) =>
        element(
          'tr',
          { class: a === b ? 'quiet' : 'differs' },
          element('th', { scope: 'row' }, name),
          [a, b].map((value) => element('td', { class: 'breaks' }, shown(value, unit))),
          element('td', {}, difference(a, b, unit)),
        ),
      ),
    ),
  );
}

/** How much two values part, so that what differs most comes first. */
function partOf([a, b]: readonly [string | number | undefined, string | number | undefined]): number {
  if (a === b) return 0;
  if (typeof a === 'number' && typeof b === 'number')
    return 1 + Math.abs(a - b) / (Math.max(Math.abs(a), Math.abs(b)) || 1);
  return 1.5;
}

function shown(value: string | number | undefined, unit: 'ms' | undefined): string {
  if (value === undefined || value === '') return '–';
  return unit === 'ms' ? formatValue(Number(value) / 1000, 's') : String(value);
}

function difference(a: string | number | undefined, b: string | number | undefined, unit: 'ms' | undefined): string {
  if (typeof a !== 'number' || typeof b !== 'number' || a === b) return '';
  const by = b - a;
  return `${by > 0 ? '+' : '−'}${unit === 'ms' ? formatValue(Math.abs(by) / 1000, 's') : formatValue(Math.abs(by), 'none')}`;
}
