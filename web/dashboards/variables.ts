import { labelValues } from '../asking/backends.ts';
import { element } from '../dom/element.ts';
import type { Dashboard, Variable } from './dashboard.ts';
import { type Built, interpolate, type Values } from './interpolate.ts';

const everything = '$__all';

export type VariableState = {
  variable: Variable;
  options: { value: string; text: string }[];
  chosen: string[];
};

/** Every variable with what may be chosen, and what is: by the address, else as the file has it. */
export async function askVariables(
  dashboard: Dashboard,
  parameters: URLSearchParams,
  of: { start: number; end: number; built: Built },
  signal: AbortSignal,
): Promise<VariableState[]> {
  const states: VariableState[] = [];
  // One after the other: a query may use the variables before it.
  for (const variable of dashboard.templating?.list ?? []) {
    const options = await optionsOf(variable, valuesOf(states), of, signal);
    const given = parameters.getAll(`var-${variable.name}`);
    const preset = [variable.current?.value ?? []].flat();
    const wanted = given.length > 0 ? given : preset;
    const possible = wanted.filter(
      (value) => value === everything || variable.type === 'textbox' || options.some((each) => each.value === value),
    );
    const fallback = variable.includeAll ? [everything] : options.slice(0, 1).map(({ value }) => value);
    states.push({ variable, options, chosen: possible.length > 0 ? possible : fallback });
  }
  return states;
}

export function valuesOf(states: readonly VariableState[]): Values {
  return new Map(
    states.map(({ variable, chosen, options }) => {
      const all = chosen.includes(everything);
      const allValue = variable.allValue ?? undefined;
      return [
        variable.name,
        {
          values: all ? options.map(({ value }) => value) : chosen,
          all,
          allValue: all ? allValue || undefined : undefined,
        },
      ];
    }),
  );
}

/** The controls, one for each variable that is not hidden. */
export function variableControls(
  states: readonly VariableState[],
  changed: (name: string, values: string[]) => void,
): HTMLElement[] {
  return states
    .filter(
      ({ variable }) =>
        variable.hide !== 2 &&
        variable.hide !== 'hideVariable' &&
        variable.type !== 'constant' &&
        variable.type !== 'datasource',
    )
    .map(({ variable, options, chosen }) => {
      const id = `variable-${variable.name}`;
      const label = element('label', { for: id }, variable.label || variable.name);
      if (variable.type === 'textbox') {
        const input = element('input', {
          id,
          type: 'text',
          value: chosen[0] ?? '',
          maxlength: 200,
          onchange: () => changed(variable.name, [input.value]),
        });
        return element('div', { class: 'control' }, label, input);
      }
      const shown = [...(variable.includeAll ? [{ value: everything, text: 'All' }] : []), ...options];
      const select = element(
        'select',
        {
          id,
          onchange: () =>
            changed(
              variable.name,
              [...select.selectedOptions].map(({ value }) => value),
            ),
        },
        shown.map(({ value, text }) => element('option', { value, selected: chosen.includes(value) }, text)),
      );
      return element('div', { class: 'control' }, label, select);
    });
}

async function optionsOf(
  variable: Variable,
  values: Values,
  { start, end, built }: { start: number; end: number; built: Built },
  signal: AbortSignal,
): Promise<{ value: string; text: string }[]> {
  const query = typeof variable.query === 'string' ? variable.query : (variable.query?.query ?? '');
  switch (variable.type) {
    case 'query': {
      const [, metric, label] = /^label_values\(\s*(?:(.+?)\s*,\s*)?([A-Za-z_]\w*)\s*\)$/s.exec(query) ?? [];
      if (label === undefined)
        throw new Error(`Cannot read the variable ${variable.name}: its query is not label_values(…).`);
      const selector = metric === undefined ? {} : { 'match[]': interpolate(metric, values, built) };
      const found = await labelValues(label, { ...selector, start: Math.floor(start), end: Math.ceil(end) }, signal);
      const like = variable.regex ? new RegExp(variable.regex.replace(/^\/|\/$/g, '')) : undefined;
      return found.filter((value) => like?.test(value) ?? true).map((value) => ({ value, text: value }));
    }
    // The service asks the stores that it is set up with: there is nothing to choose.
    case 'datasource':
      return [variable.current?.value ?? []].flat().map((value) => ({ value, text: value }));
    case 'custom':
    case 'interval':
    case 'constant':
      return query.split(',').map((each) => {
        const [text = '', value = text] = each.trim().split(/\s+:\s+/);
        return { value, text };
      });
    default:
      return [];
  }
}
