import { svg } from './element.ts';

const [width, height] = [200, 40];

/** A line without axes; a missing point is a gap. */
export function sparkline(values: readonly (number | null)[], label: string): SVGElement {
  const there = values.filter((value) => value !== null);
  const [least, most] = [Math.min(0, ...there), Math.max(...there, 1e-12)];
  const x = (at: number) => (at / Math.max(1, values.length - 1)) * width;
  const y = (value: number) => height - 2 - ((value - least) / (most - least)) * (height - 4);
  let isGap = true;
  const d = values
    .map((value, at) => {
      if (value === null) {
        isGap = true;
        return '';
      }
      const step = `${isGap ? 'M' : 'L'}${x(at).toFixed(1)} ${y(value).toFixed(1)}`;
      isGap = false;
      return step;
    })
    .join('');
  return svg(
    'svg',
    {
      class: 'value-line',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    svg('path', { d }),
  );
}
