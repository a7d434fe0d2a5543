import { type Child, element, svg } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';
import { readZip } from './read-zip.ts';
import { soundCard } from './waveform.ts';

/** What came back, as what it is: sounds to hear, pictures to see, figures to read. */
export async function showResult(
  into: HTMLElement,
  of: {
    response: Response;
    facts: Record<string, unknown> | undefined;
    originals: readonly File[];
    signal: AbortSignal;
  },
): Promise<void> {
  const { response, originals, signal } = of;
  const type = (response.headers.get('content-type') ?? '').split(';')[0];
  const facts =
    of.facts ?? (JSON.parse(response.headers.get('x-vitrine-facts') ?? 'null') as Record<string, unknown> | null);
  const measured =
    facts &&
    type !== 'application/json' &&
    element('div', { class: 'card' }, element('h3', {}, 'Measured'), figures(facts));
  const sounds = (list: { name: string; content: Blob }[]) =>
    element(
      'div',
      { class: 'sounds' },
      list.map((sound) => soundCard(sound, signal)),
    );
  const before = originals.map((file) => ({ name: file.name, content: file }));
  switch (type) {
    case 'application/zip':
      into.append(sounds([...before, ...readZip(await response.arrayBuffer())]));
      break;
    case 'audio/wav':
      into.append(sounds([...before, { name: 'sound.wav', content: await response.blob() }]));
      break;
    case 'image/png': {
      const url = URL.createObjectURL(await response.blob());
      signal.addEventListener('abort', () => URL.revokeObjectURL(url));
      into.append(
        element(
          'div',
          { class: 'picture-row' },
          element(
            'figure',
            { class: 'picture' },
            element('img', { src: url, alt: 'The microstructure: two phases, dark and light' }),
            element('figcaption', {}, element('a', { href: url, download: 'microstructure.png' }, 'save')),
          ),
          measured,
        ),
      );
      return;
    }
    default: {
      const answer = (await response.json()) as Record<string, unknown>;
      const segments = answer.segments as { start_seconds: number; end_seconds: number }[] | undefined;
      const [original] = originals;
      if (original && Array.isArray(segments)) {
        const marks = segments.map(({ start_seconds: from, end_seconds: to }) => ({ from, to }));
        into.append(
          element('div', { class: 'sounds' }, soundCard({ name: original.name, content: original, marks }, signal)),
        );
      } else if (original) into.append(sounds(before));
      into.append(element('div', { class: 'card' }, figures(answer)));
    }
  }
  if (measured) into.append(measured);
}

const itemsMax = 64;
/** More numbers than this are seen better than read. */
const curveMin = 12;

/** JSON as a person reads it: names and values, lists of alike things as tables, long lists by their beginning. */
export function figures(value: unknown, depth = 0): HTMLElement | string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : formatValue(value, 'none');
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return list(value, depth);
  return element(
    'dl',
    { class: depth === 0 ? 'facts' : 'facts inner' },
    Object.entries(value).flatMap(([name, inner]) => [
      element('dt', {}, name.replaceAll('_', ' ')),
      element('dd', {}, figures(inner, depth + 1)),
    ]),
  );
}

function list(values: readonly unknown[], depth: number): HTMLElement | string {
  if (values.length === 0) return 'none';
  if (values.every((each) => typeof each === 'object' && each !== null && !Array.isArray(each)))
    return table(values as Record<string, unknown>[], depth);
  if (values.length > curveMin && values.every((each) => typeof each === 'number')) return curve(values as number[]);
  const shown = values.slice(0, itemsMax).map((each) => figures(each, depth + 1));
  const words: Child[] = shown.flatMap((each, at) => (at > 0 ? [', ', each] : [each]));
  return element('span', {}, words, values.length > itemsMax && ` … (${values.length} in all)`);
}

function curve(values: readonly number[]): HTMLElement {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const says = `${values.length} values from ${formatValue(low, 'none')} to ${formatValue(high, 'none')}`;
  const points = values.map((value, at) => {
    const part = high === low ? 0.5 : (value - low) / (high - low);
    return `${((at / (values.length - 1)) * 240).toFixed(1)},${(38 - part * 36).toFixed(1)}`;
  });
  return element(
    'span',
    { class: 'curve' },
    svg(
      'svg',
      { viewBox: '0 0 240 40', role: 'img', 'aria-label': says },
      svg('polyline', { points: points.join(' ') }),
    ),
    element('span', { class: 'quiet' }, says),
  );
}

function table(rows: readonly Record<string, unknown>[], depth: number): HTMLElement {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  // Few things with many figures read downwards.
  if (columns.length > 6 && rows.length <= 4) return tableDownwards(rows, columns, depth);
  return scrollRegion(
    'Figures',
    gridTable(
      columns.map((name) => columnHead(name.replaceAll('_', ' '))),
      rows.slice(0, itemsMax).map((row) =>
        element(
          'tr',
          {},
          columns.map((name) =>
            element(
              'td',
              { class: typeof row[name] === 'number' ? 'number' : undefined },
              figures(row[name], depth + 1),
            ),
          ),
        ),
      ),
    ),
  );
}

function tableDownwards(
  rows: readonly Record<string, unknown>[],
  columns: readonly string[],
  depth: number,
): HTMLElement {
  const [first = '', ...others] = columns;
  return scrollRegion(
    'Figures',
    gridTable(
      [columnHead(first.replaceAll('_', ' ')), rows.map((row) => columnHead(figures(row[first], depth + 1)))],
      others.map((name) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, name.replaceAll('_', ' ')),
          rows.map((row) => element('td', {}, figures(row[name], depth + 1))),
        ),
      ),
      'downwards',
    ),
  );
}
