import { element } from '../dom/element.ts';
import type { Panel } from './dashboard.ts';
import { asColour, thresholdColour } from './field.ts';
import type { PanelData } from './panel-data.ts';
import { colourOf } from './panels/stat.ts';
import { asLines } from './panels/time-series.ts';
import { reducedValues } from './reduced-values.ts';
import { reduced } from './series.ts';

/** One value as its thresholds have it. */
export type Judged = { panel: Panel; says: string; is: 'good' | 'warn' | 'bad' };

const meaning: Readonly<Record<string, Judged['is']>> = {
  'var(--green)': 'good',
  'var(--yellow)': 'warn',
  'var(--orange)': 'warn',
  'var(--red)': 'bad',
};

/** What the thresholds of a panel say of its values now; nothing where it has none, or no value. */
export function judged(panel: Panel, data: PanelData): Judged[] {
  return valuesOf(panel, data).flatMap(({ says, colour }) => {
    const is = meaning[colour ?? ''];
    return is === undefined ? [] : [{ panel, says, is }];
  });
}

/** All of it in a line: is it well, and if not, what to look at; each of these leads to its panel. */
export function verdictLine(values: readonly Judged[], lookAt: (panel: Panel) => void): HTMLElement | undefined {
  if (values.length === 0) return undefined;
  const beyond = values.filter(({ is }) => is !== 'good');
  if (beyond.length === 0)
    return element(
      'p',
      { class: 'verdict-line good' },
      element('strong', {}, 'Well.'),
      values.length === 1
        ? ' The one value with a limit keeps it.'
        : ` All ${values.length} values with limits keep them.`,
    );
  const worst = beyond.some(({ is }) => is === 'bad') ? 'bad' : 'warn';
  return element(
    'p',
    { class: `verdict-line ${worst}` },
    element('strong', {}, `${beyond.length} of ${values.length} beyond their limits:`),
    [...beyond]
      .sort((a, b) => Number(b.is === 'bad') - Number(a.is === 'bad'))
      .slice(0, 12)
      .map(({ panel, says, is }) =>
        element(
          'button',
          { type: 'button', class: `badge ${is}`, onclick: () => lookAt(panel) },
          `${panel.title ?? ''} ${says}`,
        ),
      ),
    beyond.length > 12 && ` and ${beyond.length - 12} more`,
  );
}

function valuesOf(panel: Panel, data: PanelData): { says: string; colour: string | undefined }[] {
  switch (panel.type) {
    case 'stat':
    case 'gauge':
    case 'bargauge':
      return reducedValues(panel, data)
        .filter(({ value }) => value !== undefined)
        .map((each) => ({ says: each.field.shown(each.value), colour: colourOf(each) }));
    case 'timeseries':
      // Of a chart only where its limits are drawn.
      return asLines({ panel, data }).flatMap(({ series, field }) => {
        if ((field.custom?.thresholdsStyle?.mode ?? 'off') === 'off') return [];
        const value = reduced(series.values, 'lastNotNull');
        if (value === undefined) return [];
        return [{ says: field.shown(value), colour: asColour(thresholdColour(value, field)) }];
      });
    default:
      return [];
  }
}
