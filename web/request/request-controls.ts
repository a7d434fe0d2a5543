import { element } from '../dom/element.ts';
import { hashOf, replaceParameters } from '../route.ts';
import type { RequestOrder } from './flight-record.ts';

export type ChosenRequests = { order: RequestOrder; model: string; minutes: number };

const orders: readonly [RequestOrder, string][] = [
  ['recent', 'Recent'],
  ['slowest', 'Slowest'],
  ['failed', 'Failed'],
];

/**
 * Which requests, of which model, and the field that opens one by its id. A choice is written into
 * `chosen`.
 */
export function requestControls(
  chosen: ChosenRequests,
  parameters: URLSearchParams,
  onRefresh: () => void,
): HTMLElement {
  const choose = (name: string, value: string) => {
    parameters.set(name, value);
    replaceParameters(parameters);
    onRefresh();
  };
  const model = element('input', {
    id: 'request-model',
    type: 'text',
    value: chosen.model,
    placeholder: 'all',
    maxlength: 128,
    onchange: () => {
      chosen.model = model.value.trim();
      choose('model', chosen.model);
    },
  });
  const tabs = orderTabs(chosen, (order) => choose('order', order));
  return element(
    'div',
    { class: 'toolbar' },
    element(
      'div',
      { class: 'controls' },
      element('div', { class: 'control' }, element('span', { class: 'label' }, 'Show'), tabs),
      element('div', { class: 'control' }, element('label', { for: 'request-model' }, 'Model'), model),
      element('button', { type: 'button', class: 'small', onclick: onRefresh }, 'Refresh'),
    ),
    openById(),
  );
}

function orderTabs(chosen: ChosenRequests, onChoice: (order: RequestOrder) => void): HTMLElement {
  const tabs = orders.map(([order, title]) =>
    element(
      'button',
      { type: 'button', 'aria-pressed': String(order === chosen.order), onclick: () => choose(order) },
      title,
    ),
  );
  const choose = (order: RequestOrder) => {
    chosen.order = order;
    for (const [at, tab] of tabs.entries()) tab.setAttribute('aria-pressed', String(orders[at]![0] === order));
    onChoice(order);
  };
  return element('div', { class: 'segments', role: 'group', 'aria-label': 'Which requests' }, tabs);
}

function openById(): HTMLElement {
  const search = element('input', {
    id: 'request-id',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'request or trace id',
    maxlength: 128,
  });
  const open = (event: Event) => {
    event.preventDefault();
    // A whole traceparent or traceresponse stands for its trace.
    const given = search.value.trim();
    const traceId = /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(given)?.[1] ?? given;
    if (traceId !== '') location.hash = hashOf(['requests', traceId]);
  };
  return element(
    'form',
    { class: 'control', onsubmit: open },
    element('label', { for: 'request-id' }, 'Open by id'),
    element('div', { class: 'row' }, search, element('button', { type: 'submit', class: 'small' }, 'Open')),
  );
}
