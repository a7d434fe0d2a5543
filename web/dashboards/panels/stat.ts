import { element, svg } from '../../dom/element.ts';
import { ownLink } from '../own-link.ts';
import { colourOf, type ReducedValue, reducedValues } from '../reduced-values.ts';
import { emptyPanel } from './empty-panel.ts';
import type { DrawPanel } from './panel-view.ts';

/** Big numbers, each with the line of what it was. */
export const drawStat: DrawPanel = (body, { panel, data, facts, interpolated }) => {
  const values = reducedValues(panel, data);
  const { noValue } = panel.fieldConfig?.defaults ?? {};
  if (values.length === 0 && (noValue === undefined || noValue.length > 3)) {
    body.append(emptyPanel(panel));
    return;
  }
  const shown =
    values.length > 0 ? values : [{ name: '', value: undefined, line: [], field: { shown: () => noValue ?? '–' } }];
  const { textMode = 'auto', graphMode = 'area' } = panel.options ?? {};
  const withNames = textMode === 'value_and_name' || textMode === 'name' || (textMode === 'auto' && shown.length > 1);
  body.append(
    element(
      'div',
      { class: `stats${shown.length > 1 ? ' several' : ''}` },
      shown
        .slice(0, 40)
        .map((each) =>
          element(
            'div',
            { class: 'stat' },
            withNames && element('span', { class: 'stat-name' }, each.name),
            textMode !== 'name' && linked(each, bigNumber(each, panel.options?.colorMode ?? 'value')),
            graphMode === 'area' && shown.length <= 4 && sparkline(each),
          ),
        ),
    ),
  );

  /** The panel's first link that leads somewhere here. */
  function linked({ name, field }: ReducedValue, number: HTMLElement): HTMLElement {
    for (const { url, title } of field.links ?? []) {
      // What needs the labels of a series is not for one number.
      const target = url.includes('${__field') ? undefined : ownLink(interpolated(url), facts);
      if (target !== undefined)
        return element(
          'a',
          {
            class: 'stat-link',
            href: target,
            title,
            'aria-label': `${panel.title} ${name} ${number.textContent}: ${title}`,
          },
          number,
        );
    }
    return number;
  }
};

function bigNumber({ value, field }: ReducedValue, colorMode: string): HTMLElement {
  const colour = colourOf({ value, field });
  const [number, unit] = splitUnit(field.shown(value));
  return element(
    'span',
    { class: 'stat-value', style: colorMode === 'none' || colour === undefined ? {} : { color: colour } },
    number,
    unit !== '' && element('small', {}, unit),
  );
}

/** "12.5 ms" as number and unit. */
export function splitUnit(text: string): [string, string] {
  const at = text.search(/ (?=[^\d\s]+$)/);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at)];
}

function sparkline({ line, value, field }: ReducedValue): SVGElement | undefined {
  const there = line.filter((each): each is number => each !== null);
  if (there.length < 3) return undefined;
  const low = Math.min(...there, field.min ?? Number.POSITIVE_INFINITY);
  const high = Math.max(...there);
  const flat = high === low;
  const points = line.flatMap((each, at) =>
    each === null
      ? []
      : [
          `${((at / (line.length - 1)) * 100).toFixed(2)},${flat ? 20 : (30 - ((each - low) / (high - low)) * 28).toFixed(2)}`,
        ],
  );
  const first = points[0]!.split(',')[0]!;
  const last = points.at(-1)!.split(',')[0]!;
  return svg(
    'svg',
    {
      class: 'sparkline',
      viewBox: '0 0 100 32',
      preserveAspectRatio: 'none',
      'aria-hidden': 'true',
      style: { color: colourOf({ value, field }) ?? 'var(--accent)' },
    },
    svg('polygon', { points: `${first},32 ${points.join(' ')} ${last},32` }),
    svg('polyline', { points: points.join(' ') }),
  );
}
