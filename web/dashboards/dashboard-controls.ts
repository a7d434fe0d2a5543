import { element } from '../dom/element.ts';
import { timeControl } from './time-control.ts';
import type { TimeRange } from './time-range.ts';
import { type VariableState, variableControls } from './variables.ts';

const refreshes = ['off', '5s', '10s', '30s', '1m', '5m'];

/** What a person has chosen of a dashboard; the address of the page holds it. */
export type Chosen = { readonly parameters: URLSearchParams; readonly range: TimeRange; refreshEvery: string };

/** Variables, time and refresh. A choice is written into `chosen`, then reported. */
export function dashboardControls(
  states: readonly VariableState[],
  chosen: Chosen,
  {
    onChange,
    onRange,
    onRefresh,
  }: { onChange: () => void; onRange: (range: TimeRange) => void; onRefresh: () => void },
): HTMLElement[] {
  const { parameters, range } = chosen;
  return [
    ...variableControls(states, (name, values) => {
      parameters.delete(`var-${name}`);
      for (const value of values) parameters.append(`var-${name}`, value);
      onChange();
    }),
    timeControl(range, onRange),
    refreshChoice(chosen.refreshEvery, (every) => {
      chosen.refreshEvery = every;
      parameters.set('refresh', every);
      onChange();
    }),
    element('button', { type: 'button', class: 'small', onclick: onRefresh }, 'Refresh'),
  ];
}

function refreshChoice(current: string, onChoice: (every: string) => void): HTMLElement {
  const options = [...new Set([...refreshes, current])].map((value): [string, string] => [value, value]);
  return choice({ label: 'Refresh', id: 'refresh', options, current }, onChoice);
}

function choice(
  { label, id, options, current }: { label: string; id: string; options: [string, string][]; current: string },
  onChoice: (value: string) => void,
): HTMLElement {
  const select = element(
    'select',
    { id, onchange: () => onChoice(select.value) },
    options.map(([value, text]) => element('option', { value, selected: value === current }, text)),
  );
  return element('div', { class: 'control' }, element('label', { for: id }, label), select);
}
