import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import type { SpanNode } from './span-tree.ts';

/** What is known of one span; from it to its log lines, and to what it is linked with. */
export function spanFacts(node: SpanNode, toLogs: (() => void) | undefined): HTMLElement {
  return element(
    'div',
    { class: 'span-facts' },
    element('h3', {}, node.name),
    element('p', { class: 'quiet' }, `${node.service} · ${formatValue(Number(node.end - node.start) / 1e9, 's')}`),
    node.failed && element('p', { class: 'bad-text' }, node.message || 'It failed.'),
    toLogs && element('button', { type: 'button', class: 'small', onclick: toLogs }, 'Its log lines'),
    element(
      'dl',
      { class: 'facts' },
      node.attributes.flatMap(([key, value]) => [element('dt', {}, key), element('dd', {}, value)]),
    ),
    node.events.map(({ name, attributes }) =>
      element(
        'details',
        {},
        element('summary', {}, `Event: ${name}`),
        element(
          'dl',
          { class: 'facts' },
          attributes.flatMap(([key, value]) => [element('dt', {}, key), element('dd', {}, value)]),
        ),
      ),
    ),
    node.links.length > 0 &&
      element(
        'p',
        {},
        'Linked with ',
        node.links
          .slice(0, 20)
          .map(({ traceId }, at) => [
            at > 0 && ', ',
            element('a', { class: 'mono', href: `#/requests/${traceId}` }, traceId.slice(0, 8)),
          ]),
      ),
  );
}
