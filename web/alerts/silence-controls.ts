import { ask } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { clock } from '../format/format-time.ts';
import type { PageFacts } from '../page-facts.ts';
import type { Silence } from './alert-facts.ts';
import { type FiringFault, labelsOfTheRule } from './firing-faults.ts';

const acknowledgedMinutes = 120;
const choices: readonly [minutes: number, name: string][] = [
  [60, '1 h'],
  [8 * 60, '8 h'],
  [24 * 60, '1 d'],
  [7 * 24 * 60, '7 d'],
];

/** Acknowledge and silence, for the administrator; Alertmanager has both as silences. */
export function silenceControls(
  fault: FiringFault,
  of: { facts: PageFacts; silences: readonly Silence[]; onChange: () => void; signal: AbortSignal },
): HTMLElement | undefined {
  const { facts, silences, onChange, signal } = of;
  const own = silences.find(({ matchers }) => matchers.every(({ name, value }) => fault.worst.labels[name] === value));
  if (own) return silencedLine(own, of);
  if (!facts.admin) return undefined;
  const host = element('div', { class: 'row' });
  const minutes = element(
    'select',
    { 'aria-label': `How long to silence ${fault.worst.labels.alertname}` },
    choices.map(([value, name]) => element('option', { value }, name)),
  );
  host.append(
    button('Acknowledge', () => create(acknowledgedMinutes, 'acknowledged')),
    button('Silence for', () => create(Number(minutes.value), 'silenced on the page')),
    minutes,
  );
  return host;

  function button(name: string, act: () => Promise<void>): HTMLElement {
    return element('button', { type: 'button', class: 'small', onclick: () => void act() }, name);
  }

  async function create(forMinutes: number, comment: string): Promise<void> {
    const matchers = Object.entries(fault.worst.labels)
      .filter(([name]) => !(labelsOfTheRule as readonly string[]).includes(name))
      .map(([name, value]) => ({ name, value }));
    try {
      const body = JSON.stringify({ matchers, minutes: forMinutes, comment, created_by: facts.client });
      await ask('/page/silences', { method: 'POST', body, signal });
      onChange();
    } catch (error) {
      if (!isAbort(error)) host.append(failureNotice(error));
    }
  }
}

function silencedLine(
  { id, comment, createdBy, endsAt }: Silence,
  { facts, onChange, signal }: { facts: PageFacts; onChange: () => void; signal: AbortSignal },
): HTMLElement {
  const host = element(
    'div',
    { class: 'row' },
    element('span', { class: 'badge' }, `${comment} by ${createdBy} until ${clock(Date.parse(endsAt))}`),
  );
  if (facts.admin)
    host.append(element('button', { type: 'button', class: 'small', onclick: () => void end() }, 'End the silence'));
  return host;

  async function end(): Promise<void> {
    try {
      await ask(`/page/silences/${id}`, { method: 'DELETE', signal });
      onChange();
    } catch (error) {
      if (!isAbort(error)) host.append(failureNotice(error));
    }
  }
}
