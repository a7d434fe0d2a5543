import { element } from '../dom/element.ts';
import { clock, zoneName } from '../format/format-time.ts';
import type { RequestOrder } from '../request/flight-record.ts';
import type { Distribution } from './ask-requests.ts';
import type { ChosenRequests, FilterName } from './chosen-requests.ts';

const orders: readonly [RequestOrder, string][] = [
  ['recent', 'Recent'],
  ['slowest', 'Slowest'],
  ['failed', 'Failed'],
];
const lastMinutes = ['1', '5', '15', '30', '60'];
const words: readonly [FilterName, string][] = [
  ['route', 'Route'],
  ['model', 'Model'],
  ['task', 'Task'],
  ['tenant', 'Tenant'],
  ['status', 'Status'],
  ['failure', 'Error'],
];
const faults = ['server', 'caller', 'left'];

/** Which requests: order, time, words; `offer` fills in what there is to choose from. */
export class FilterBar {
  readonly host = element('div', { class: 'controls filters', role: 'group', 'aria-label': 'Filters' });
  readonly #chosen: ChosenRequests;
  readonly #onChange: () => void;
  #values: Distribution['values'] = {};

  constructor(chosen: ChosenRequests, onChange: () => void) {
    this.#chosen = chosen;
    this.#onChange = onChange;
    this.#draw();
  }

  /** What else could be chosen, with how many there are. */
  offer(values: Distribution['values']): void {
    this.#values = values;
    this.draw();
  }

  /** As the address has it now; a person who is about to choose keeps the focus. */
  draw(): void {
    if (!this.host.contains(document.activeElement) || document.activeElement?.tagName === 'BUTTON') this.#draw();
  }

  #change(changes: Readonly<Record<string, string>>): void {
    this.#chosen.set(changes);
    this.#onChange();
  }

  #draw(): void {
    const chosen = this.#chosen;
    const focused = this.host.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
    this.host.replaceChildren(
      control('Show', this.#orderTabs()),
      this.#timeChoice(),
      ...words
        .filter(([name]) => (this.#values[name] ?? []).length > 0 || chosen.get(name) !== '')
        .map(([name, title]) => this.#wordChoice(name, title)),
      this.#choice('fault', 'Whose failure', [['', 'any'], ...faults.map((each): [string, string] => [each, each])]),
      this.#field('ms_min', 'From ms', 'number'),
      this.#field('ms_max', 'Below ms', 'number'),
      this.#field('text', 'Text', 'search'),
      ...(Object.keys(chosen.filters()).length > 0 || chosen.between ? [this.#clearButton()] : []),
    );
    if (focused) [...this.host.querySelectorAll('button')].find(({ textContent }) => textContent === focused)?.focus();
  }

  #orderTabs(): HTMLElement {
    return element(
      'div',
      { class: 'segments', role: 'group', 'aria-label': 'Which requests' },
      orders.map(([order, title]) =>
        element(
          'button',
          {
            type: 'button',
            'aria-pressed': String(order === this.#chosen.order),
            onclick: () => this.#change({ order: order === 'recent' ? '' : order, sort: '' }),
          },
          title,
        ),
      ),
    );
  }

  #timeChoice(): HTMLElement {
    const { between, minutes } = this.#chosen;
    const options = [...new Set([...lastMinutes, minutes])].map((each): [string, string] => [each, `last ${each} min`]);
    const chosen = between && ([['', `${clock(Date.parse(between.from))}–${clock(Date.parse(between.to))}`]] as const);
    const select = element(
      'select',
      {
        id: 'filter-minutes',
        title: zoneName(),
        onchange: () => select.value !== '' && this.#change({ minutes: select.value, from: '', to: '' }),
      },
      [...(chosen ?? []), ...options].map(([value, text]) =>
        element('option', { value, selected: value === (between ? '' : minutes) }, text),
      ),
    );
    return control('Time', select);
  }

  #wordChoice(name: FilterName, title: string): HTMLElement {
    const now = this.#chosen.get(name);
    const values = (this.#values[name] ?? []).map(({ is, requests, failed }): [string, string] => [
      String(is),
      `${is} (${requests}${failed > 0 && name !== 'status' && name !== 'failure' ? `, ${failed} failed` : ''})`,
    ]);
    const known = now === '' || values.some(([value]) => value === now) ? [] : ([[now, now]] as [string, string][]);
    return this.#choice(name, title, [['', 'any'], ...known, ...values]);
  }

  #choice(name: FilterName, title: string, options: readonly (readonly [string, string])[]): HTMLElement {
    const now = this.#chosen.get(name);
    const select = element(
      'select',
      {
        id: `filter-${name}`,
        class: now === '' ? undefined : 'set',
        onchange: () => this.#change({ [name]: select.value }),
      },
      options.map(([value, text]) => element('option', { value, selected: value === now }, text)),
    );
    return control(title, select);
  }

  #field(name: FilterName, title: string, type: 'number' | 'search'): HTMLElement {
    const input = element('input', {
      id: `filter-${name}`,
      class: type === 'number' ? 'short' : undefined,
      type,
      min: type === 'number' ? 0 : undefined,
      value: this.#chosen.get(name),
      maxlength: 128,
      onchange: () => this.#change({ [name]: input.value.trim() }),
    });
    return control(title, input);
  }

  #clearButton(): HTMLElement {
    const none = Object.fromEntries(Object.keys(this.#chosen.filters()).map((name) => [name, '']));
    return element(
      'button',
      { type: 'button', class: 'small', onclick: () => this.#change({ ...none, from: '', to: '' }) },
      'Clear filters',
    );
  }
}

function control(title: string, content: HTMLElement): HTMLElement {
  const label =
    content.id === '' ? element('span', { class: 'label' }, title) : element('label', { for: content.id }, title);
  return element('div', { class: 'control' }, label, content);
}
