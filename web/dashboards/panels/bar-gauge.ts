import { element } from '../../dom/element.ts';
import { barColour, reducedValues } from '../reduced-values.ts';
import { emptyPanel } from './empty-panel.ts';
import { bounds } from './gauge.ts';
import type { DrawPanel } from './panel-view.ts';

/**
 * Values as bars beneath one another, the largest of all at full width unless a maximum is given.
 */
export const drawBarGauge: DrawPanel = (body, { panel, data }) => {
  const values = reducedValues(panel, data).slice(0, 60);
  if (values.length === 0) {
    body.append(emptyPanel(panel));
    return;
  }
  const largest = Math.max(...values.map(({ value = 0 }) => value), 0);
  body.append(
    element(
      'ul',
      { class: 'bars' },
      values.map((each) => {
        const { min, max } =
          each.field.max === undefined && each.field.unit !== 'percentunit' && largest > 0
            ? { min: each.field.min ?? 0, max: largest }
            : bounds(each);
        const part = Math.min(1, Math.max(0, ((each.value ?? min) - min) / (max - min)));
        return element(
          'li',
          {},
          element('span', { class: 'bar-name' }, each.name),
          element(
            'span',
            { class: 'bar-track', 'aria-hidden': 'true' },
            element('span', {
              class: 'bar-fill',
              style: { width: `${part * 100}%`, background: barColour(each) },
            }),
          ),
          element('span', { class: 'bar-value' }, each.field.shown(each.value)),
        );
      }),
    ),
  );
};
