import { element } from '../../dom/element.ts';
import { clock } from '../../format/format-time.ts';
import { barColour } from '../reduced-values.ts';
import { emptyPanel } from './empty-panel.ts';
import type { DrawPanel } from './panel-view.ts';
import { statesOf } from './states-of.ts';
import { asLines } from './time-series.ts';

const linesMax = 60;

/** What state each thing was in when: a line each, a piece for as long as a state lasted. */
export const drawStateTimeline: DrawPanel = (body, context) => {
  const lines = asLines(context).slice(0, linesMax);
  if (lines.length === 0) {
    body.append(emptyPanel(context.panel));
    return;
  }
  const { start, end, step } = context.data;
  const span = end + step - start;
  body.append(
    element(
      'ul',
      { class: 'bars states' },
      lines.map(({ name, series, field }) => {
        const states = statesOf(series, field, step);
        const pieces = states.map((state) =>
          element('span', {
            class: 'state',
            title: `${state.text}: ${clock(state.from * 1000)} – ${clock(state.to * 1000)}`,
            style: {
              left: `${((state.from - start) / span) * 100}%`,
              width: `${((state.to - state.from) / span) * 100}%`,
              background: barColour({ name, field, line: [], value: state.value }),
            },
          }),
        );
        return element(
          'li',
          {},
          element('span', { class: 'bar-name', title: name }, name),
          element('span', { class: 'state-track', role: 'img', 'aria-label': said(states) }, pieces),
          element('span', { class: 'bar-value' }, states.at(-1)?.text ?? '–'),
        );
      }),
    ),
    element(
      'p',
      { class: 'state-axis quiet' },
      element('span', {}, clock(start * 1000)),
      element('span', {}, clock(end * 1000)),
    ),
  );
};

/** For a reader of the screen: the states in their order. */
function said(states: ReturnType<typeof statesOf>): string {
  return states.map(({ text, from }) => `${text} from ${clock(from * 1000)}`).join(', ');
}
