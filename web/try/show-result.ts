import { type Child, element, svg } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { formatValue } from '../format/format-value.ts';
import { wordsOf } from './fact-words.ts';
import { readZip } from './read-zip.ts';
import { type Sound, soundCard } from './waveform.ts';

type Answer = {
  response: Response;
  facts: Record<string, unknown> | undefined;
  originals: readonly File[];
  signal: AbortSignal;
};

/** What came back: sounds to hear, pictures to see, figures to read. */
export async function showResult(into: HTMLElement, answer: Answer): Promise<void> {
  const { response, originals, signal } = answer;
  const type = (response.headers.get('content-type') ?? '').split(';')[0];
  const before = originals.map((file) => ({ name: file.name, content: file }));
  switch (type) {
    case 'application/zip':
      into.append(sounds([...before, ...readZip(await response.arrayBuffer())], signal), ...measured(answer));
      break;
    case 'audio/wav':
      into.append(
        sounds([...before, { name: 'sound.wav', content: await response.blob() }], signal),
        ...measured(answer),
      );
      break;
    case 'image/png': {
      const picture = pictureOf(await response.blob(), signal);
      into.append(element('div', { class: 'picture-row' }, picture, measured(answer)));
      break;
    }
    default:
      into.append(...jsonResult((await response.json()) as Record<string, unknown>, originals, signal));
  }
}

function sounds(list: readonly Sound[], signal: AbortSignal): HTMLElement {
  return element(
    'div',
    { class: 'sounds' },
    list.map((sound) => soundCard(sound, signal)),
  );
}

/** The facts that come beside a file, in a header or of the job. */
function measured({ response, facts }: Answer): HTMLElement[] {
  const found = facts ?? JSON.parse(response.headers.get('x-vitrine-facts') ?? 'null');
  return found ? [element('div', { class: 'card' }, element('h3', {}, 'Details'), figures(found))] : [];
}

function pictureOf(content: Blob, signal: AbortSignal): HTMLElement {
  const url = URL.createObjectURL(content);
  signal.addEventListener('abort', () => URL.revokeObjectURL(url));
  return element(
    'figure',
    { class: 'picture' },
    element('img', { src: url, alt: 'The microstructure: two phases, dark and light' }),
    element('figcaption', {}, element('a', { href: url, download: 'microstructure.png' }, 'save')),
  );
}

/** Segments are marked in the sound that they were found in. */
function jsonResult(answer: Record<string, unknown>, originals: readonly File[], signal: AbortSignal): HTMLElement[] {
  const segments = answer.segments as { start_seconds: number; end_seconds: number }[] | undefined;
  const [first] = originals;
  const read = element('div', { class: 'card' }, figures(answer));
  if (!first) return [read];
  if (!Array.isArray(segments))
    return [
      sounds(
        originals.map((file) => ({ name: file.name, content: file })),
        signal,
      ),
      read,
    ];
  const marks = segments.map(({ start_seconds: from, end_seconds: to }) => ({ from, to }));
  return [sounds([{ name: first.name, content: first, marks }], signal), read];
}

const itemsMax = 64;
/** More numbers than this are seen better than read. */
const curveMin = 12;

/**
 * JSON as a person reads it: names and values, lists of alike things as tables, long lists by their
 * beginning.
 */
export function figures(value: unknown, depth = 0): HTMLElement | string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : formatValue(value, 'none');
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return list(value, depth);
  return element(
    'dl',
    { class: depth === 0 ? 'facts' : 'facts inner' },
    Object.entries(value).flatMap(([name, inner]) => [
      element('dt', {}, wordsOf(name)),
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
      columns.map((name) => columnHead(wordsOf(name))),
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
      [columnHead(wordsOf(first)), rows.map((row) => columnHead(figures(row[first], depth + 1)))],
      others.map((name) =>
        element(
          'tr',
          {},
          element('th', { scope: 'row' }, wordsOf(name)),
          rows.map((row) => element('td', {}, figures(row[name], depth + 1))),
        ),
      ),
      'downwards',
    ),
  );
}
