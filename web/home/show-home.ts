import { element } from '../dom/element.ts';
import { failureNotice, isAbort } from '../dom/notice.ts';
import { every } from '../frame/every.ts';
import type { View } from '../route.ts';
import { type Finding, findingsOf } from './findings.ts';
import { processTable, requestCard, serviceLine, useTable } from './home-cards.ts';
import { askHome, type HomeFacts, minutes } from './home-facts.ts';

const everyMs = 10_000;

/** Whether it is in order, what is not, and where that leads. */
export const showHome: View = async (host, _route, signal) => {
  const content = element('div', { class: 'home' });
  host.append(element('h1', { class: 'hidden-text' }, 'Home'), content);
  await draw();
  // A person who is about to press something keeps their place.
  every(everyMs, () => void (content.contains(document.activeElement) || draw()), signal);

  async function draw(): Promise<void> {
    try {
      const facts = await askHome(signal);
      if (signal.aborted) return;
      content.replaceChildren(...cardsOf(facts));
    } catch (error) {
      if (!isAbort(error)) content.replaceChildren(failureNotice(error, () => void draw()));
    }
  }
};

function cardsOf(facts: HomeFacts): HTMLElement[] {
  const findings = findingsOf(facts);
  const processes = facts.standing.health?.processes ?? [];
  return [
    verdict(findings, facts),
    ...(findings.length > 0 ? [element('ul', { class: 'findings' }, findings.map(findingLine))] : []),
    useTable(facts.uses),
    element(
      'div',
      { class: 'fact-columns' },
      requestCard('Slowest requests', facts.slowest, { order: 'slowest', minutes: String(minutes) }),
      requestCard('Failed by the server', facts.failed, { order: 'failed', fault: 'server', minutes: String(minutes) }),
    ),
    ...(processes.length > 0 ? [processTable(processes)] : []),
  ];
}

function verdict(findings: readonly Finding[], facts: HomeFacts): HTMLElement {
  const isBad = findings.some(({ is }) => is === 'bad');
  const count = findings.length;
  return element(
    'p',
    { class: `verdict ${count === 0 ? 'good' : isBad ? 'bad' : 'warn'}`, role: 'status' },
    count === 0 ? 'Everything is healthy.' : `${count} ${count === 1 ? 'thing needs' : 'things need'} attention.`,
    element('span', { class: 'quiet' }, ` ${serviceLine(facts)}`),
  );
}

function findingLine({ is, what, says, href, more }: Finding): HTMLElement {
  return element(
    'li',
    { class: `finding ${is}` },
    element('a', { href }, element('strong', {}, what), element('span', {}, says)),
    more && element('a', { class: 'button small', href: more[1] }, more[0]),
  );
}
