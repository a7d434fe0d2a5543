import { element } from '../dom/element.ts';
import { changes, minuteChoices } from './changes.ts';

/** Model, time and changes; `onAsk` when the person wants them replayed. */
export function whatIfForm(
  {
    models,
    tenants,
    parameters,
  }: { models: readonly string[]; tenants: readonly string[]; parameters: URLSearchParams },
  onAsk: (chosen: URLSearchParams) => void,
): HTMLElement {
  const form = element(
    'form',
    {
      class: 'controls',
      'aria-label': 'What would be other',
      onsubmit: (event) => {
        event.preventDefault();
        onAsk(chosenIn(form));
      },
    },
    choice('model', 'Model', models, parameters.get('model') ?? models[0] ?? ''),
    timeField(parameters),
    changes.map(({ name, title, unit, min, max, step }) =>
      control(
        name,
        unit === '' ? title : `${title}, ${unit}`,
        element('input', {
          ...{ id: idOf(name), name, type: 'number', inputmode: 'decimal', placeholder: 'as it is', size: 9 },
          ...{ min, max, step: step ?? 1, value: parameters.get(name) ?? '' },
        }),
      ),
    ),
    tenants.length > 0 &&
      choice('without_tenant', 'Without tenant', ['', ...tenants], parameters.get('without_tenant') ?? ''),
    element('button', { type: 'submit', class: 'primary' }, 'Replay'),
  );
  return form;
}

/** A time that somebody gave in the address stays; else the last minutes. */
function timeField(parameters: URLSearchParams): HTMLElement {
  const from = parameters.get('from');
  const minutes = parameters.get('minutes') ?? '60';
  const options = [...new Set([...minuteChoices, minutes])].map((each): [string, string] => [each, `last ${each} min`]);
  if (from !== null) options.unshift(['', `since ${from}`]);
  return control(
    'minutes',
    'Time',
    element(
      'select',
      { id: idOf('minutes'), name: 'minutes' },
      options.map(([value, text]) =>
        element('option', { value, selected: from === null ? value === minutes : value === '' }, text),
      ),
    ),
  );
}

function choice(name: string, title: string, values: readonly string[], chosen: string): HTMLElement {
  const all = values.includes(chosen) ? values : [chosen, ...values];
  return control(
    name,
    title,
    element(
      'select',
      { id: idOf(name), name },
      all.map((value) =>
        element('option', { value, selected: value === chosen }, value === '' ? 'none left out' : value),
      ),
    ),
  );
}

function control(name: string, title: string, field: HTMLElement): HTMLElement {
  return element('div', { class: 'control' }, element('label', { for: idOf(name) }, title), field);
}

function idOf(name: string): string {
  return `what-if-${name.replaceAll('_', '-')}`;
}

/** What is as it is needs no place in the address. */
function chosenIn(form: HTMLFormElement): URLSearchParams {
  const given = [...new FormData(form)].flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && value.trim() !== '' ? [[name, value.trim()]] : [],
  );
  return new URLSearchParams(given);
}
