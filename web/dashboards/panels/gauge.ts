import { element, svg } from '../../dom/element.ts';
import { asColour } from '../field.ts';
import { barColour, type ReducedValue, reducedValues } from '../reduced-values.ts';
import { emptyPanel } from './empty-panel.ts';
import type { DrawPanel } from './panel-view.ts';

/** A value on an arc from min to max, its thresholds around it. */
export const drawGauge: DrawPanel = (body, { panel, data }) => {
  const values = reducedValues(panel, data).slice(0, 12);
  if (values.length === 0) {
    body.append(emptyPanel(panel));
    return;
  }
  body.append(
    element(
      'div',
      { class: 'gauges' },
      values.map((each) => gauge(each, values.length > 1)),
    ),
  );
};

export function bounds({ value = 0, field }: Pick<ReducedValue, 'value' | 'field'>): { min: number; max: number } {
  const { min = 0, unit } = field;
  const max = field.max ?? (unit === 'percentunit' ? 1 : unit === 'percent' ? 100 : Math.max(value * 1.25, 1));
  return { min, max: max > min ? max : min + 1 };
}

function gauge(each: ReducedValue, named: boolean): HTMLElement {
  const { value, field } = each;
  const { min, max } = bounds(each);
  const part = (at: number) => Math.min(1, Math.max(0, (at - min) / (max - min)));
  const steps = field.thresholds?.steps ?? [];
  const marks = steps.map((step, at) => {
    const from = step.value === null ? 0 : part(thresholdAt(step.value, min, max, field.thresholds?.mode));
    const next = steps[at + 1]?.value;
    const to = next === undefined || next === null ? 1 : part(thresholdAt(next, min, max, field.thresholds?.mode));
    return to > from ? arc(from, to, 47, 2, asColour(step.color) ?? 'var(--line)') : undefined;
  });
  const text = field.shown(value);
  return element(
    'figure',
    { class: 'gauge' },
    svg(
      'svg',
      {
        viewBox: '0 0 100 62',
        role: 'img',
        'aria-label': `${each.name}: ${text}, from ${field.shown(min)} to ${field.shown(max)}`,
      },
      arc(0, 1, 40, 9, 'var(--sunken)'),
      value !== undefined && part(value) > 0 && arc(0, part(value), 40, 9, barColour(each)),
      marks,
      svg('text', { x: 50, y: 50, class: 'gauge-value', 'text-anchor': 'middle' }, text),
    ),
    named && element('figcaption', {}, each.name),
  );
}

function thresholdAt(value: number, min: number, max: number, mode: string | undefined): number {
  return mode === 'percentage' ? min + (value / 100) * (max - min) : value;
}

/** A part of the half circle around (50, 54), from left over the top to right. */
function arc(from: number, to: number, radius: number, width: number, colour: string): SVGElement {
  const point = (part: number) => {
    const angle = Math.PI * (1 - part);
    return `${(50 + radius * Math.cos(angle)).toFixed(3)} ${(54 - radius * Math.sin(angle)).toFixed(3)}`;
  };
  return svg('path', {
    d: `M ${point(from)} A ${radius} ${radius} 0 0 1 ${point(to)}`,
    fill: 'none',
    'stroke-width': width,
    style: { stroke: colour },
  });
}
