import { element } from '../dom/element.ts';
import { dayAndClock, zoneName } from '../format/format-time.ts';
import { asRange, moved, zoomed } from './moved-range.ts';
import { secondsOf, type TimeRange } from './time-range.ts';

const presets = ['5m', '15m', '1h', '3h', '12h', '24h', '7d'];

/** The time of a dashboard: the last minutes, or between two moments; earlier, later, wider. */
export function timeControl(range: TimeRange, onChoice: (range: TimeRange) => void): HTMLElement {
  const isLast = range.to === 'now' && range.from.startsWith('now-');
  const current = isLast ? range.from.replace('now-', '') : 'custom';
  const select = element(
    'select',
    {
      id: 'range',
      title: zoneName(),
      onchange: () => select.value !== 'custom' && onChoice({ from: `now-${select.value}`, to: 'now' }),
    },
    [...new Set([...presets, current])].map((value) =>
      element(
        'option',
        { value, selected: value === current },
        value === 'custom' ? shownRange(range) : `last ${value}`,
      ),
    ),
  );
  const button = (sign: string, name: string, change: () => TimeRange) =>
    element(
      'button',
      { type: 'button', class: 'small', title: name, 'aria-label': name, onclick: () => onChoice(change()) },
      sign,
    );
  return element(
    'div',
    { class: 'control' },
    element('label', { for: 'range' }, 'Time'),
    element(
      'div',
      { class: 'row time-row' },
      button('‹', 'Earlier ([)', () => moved(range, -0.5)),
      select,
      button('›', 'Later (])', () => moved(range, 0.5)),
      button('−', 'Zoom out (-)', () => zoomed(range, 2)),
      betweenForm(range, onChoice),
    ),
  );
}

function shownRange(range: TimeRange): string {
  try {
    const { start, end } = secondsOf(range);
    return `${dayAndClock(start * 1000)} – ${dayAndClock(end * 1000)}`;
  } catch {
    // What the address says is no time: the dashboard says so below.
    return 'chosen';
  }
}

function betweenForm(range: TimeRange, onChoice: (range: TimeRange) => void): HTMLElement {
  const { start, end } = orLastHour(range);
  const field = (id: string, title: string, at: number) =>
    element(
      'div',
      { class: 'control' },
      element('label', { for: id }, title),
      element('input', { id, type: 'datetime-local', step: 1, value: localText(at) }),
    );
  const details: HTMLDetailsElement = element(
    'details',
    { class: 'between' },
    element('summary', { class: 'button small' }, 'From … to'),
    element(
      'form',
      {
        class: 'card',
        onsubmit: (event) => {
          event.preventDefault();
          const [from, to] = [...details.querySelectorAll('input')].map(({ value }) => Date.parse(value));
          details.open = false;
          if (from! < to!) onChoice(asRange(from! / 1000, to! / 1000));
        },
      },
      field('range-from', 'From', start),
      field('range-to', 'To', end),
      element('p', { class: 'quiet' }, `Times are ${zoneName()}.`),
      element('button', { type: 'submit', class: 'primary' }, 'Show'),
    ),
  );
  return details;
}

function orLastHour(range: TimeRange): { start: number; end: number } {
  try {
    return secondsOf(range);
  } catch {
    // The form begins with something that can be corrected.
    return secondsOf({ from: 'now-1h', to: 'now' });
  }
}

/** As an input of the browser has it: local, to the second. */
function localText(atSeconds: number): string {
  const at = new Date(atSeconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
