import { element } from '../dom/element.ts';
import { hashOf } from '../route.ts';
import type { FailureLine } from './ask-reference.ts';

const whose = {
  caller: 'The caller has to change the request.',
  left: 'The caller left before the answer.',
  server: 'The server failed: alerts and objectives count it.',
} as const;

/** One failure: what it means, whose it is, and the requests that ended with it. */
export function failureCard({ code, status, retryable, fault, means }: FailureLine): HTMLElement {
  return element(
    'section',
    { class: 'card', 'aria-label': code },
    element(
      'div',
      { class: 'title-row' },
      element('h2', { class: 'mono' }, code),
      element('span', { class: `badge ${fault === 'server' ? 'bad' : 'warn'}` }, String(status)),
      element('span', { class: 'badge' }, retryable ? 'may be retried' : 'not to be retried as it is'),
    ),
    element('p', {}, means),
    element('p', { class: 'quiet' }, whose[fault]),
    element(
      'div',
      { class: 'row' },
      element(
        'a',
        { class: 'button', href: hashOf(['requests'], new URLSearchParams({ order: 'failed', failure: code })) },
        'Requests that failed so',
      ),
    ),
  );
}
