import { type Child, element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import { readZip } from './read-zip.ts';
import { soundCard } from './waveform.ts';

/** What came back, as what it is: sounds to hear, pictures to see, figures to read. */
export async function showResult(
  into: HTMLElement,
  of: { response: Response; original: File | undefined; signal: AbortSignal },
): Promise<void> {
  const { response, original, signal } = of;
  const type = (response.headers.get('content-type') ?? '').split(';')[0];
  const facts = JSON.parse(response.headers.get('x-vitrine-facts') ?? 'null') as Record<string, unknown> | null;
  const sounds = (list: { name: string; content: Blob }[]) =>
    element(
      'div',
      { class: 'sounds' },
      list.map((sound) => soundCard(sound, signal)),
    );
  const before = original ? [{ name: original.name, content: original }] : [];
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
          'figure',
          { class: 'picture' },
          element('img', { src: url, alt: 'The microstructure: two phases, dark and light' }),
          element('figcaption', {}, element('a', { href: url, download: 'microstructure.png' }, 'save')),
        ),
      );
      break;
    }
    default: {
      const answer = (await response.json()) as Record<string, unknown>;
      const segments = answer.segments as { start_seconds: number; end_seconds: number }[] | undefined;
      if (original && Array.isArray(segments)) {
        const marks = segments.map(({ start_seconds: from, end_seconds: to }) => ({ from, to }));
        into.append(
          element('div', { class: 'sounds' }, soundCard({ name: original.name, content: original, marks }, signal)),
        );
      } else if (original) into.append(sounds(before));
      into.append(element('div', { class: 'card' }, figures(answer)));
    }
  }
  if (facts) into.append(element('div', { class: 'card' }, element('h3', {}, 'Measured'), figures(facts)));
}

const itemsMax = 64;

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
  const shown = values.slice(0, itemsMax).map((each) => figures(each, depth + 1));
  const words: Child[] = shown.flatMap((each, at) => (at > 0 ? [', ', each] : [each]));
  return element('span', {}, words, values.length > itemsMax && ` … (${values.length} in all)`);
}

function table(rows: readonly Record<string, unknown>[], depth: number): HTMLElement {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return element(
    'div',
    { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Figures' },
    element(
      'table',
      { class: 'grid-table' },
      element(
        'thead',
        {},
        element(
          'tr',
          {},
          columns.map((name) => element('th', { scope: 'col' }, name.replaceAll('_', ' '))),
        ),
      ),
      element(
        'tbody',
        {},
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
    ),
  );
}
