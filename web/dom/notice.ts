import { AskFailure } from '../asking/ask.ts';
import { element } from './element.ts';

/**
 * A sentence in the place of what could not be shown: what is the matter, and the word and trace
 * that lead on.
 */
export function failureNotice(thrown: unknown, retry?: () => void): HTMLElement {
  const failure = thrown instanceof AskFailure ? thrown : undefined;
  return element(
    'div',
    { class: 'notice bad', role: 'alert' },
    element('p', {}, thrown instanceof Error ? thrown.message : String(thrown)),
    failure &&
      element(
        'p',
        { class: 'quiet' },
        `${failure.code}${failure.status ? ` · ${failure.status}` : ''}`,
        failure.traceId && [' · ', element('a', { href: `#/requests/${failure.traceId}` }, 'this request')],
      ),
    (failure?.status === 401 || failure?.status === 403) &&
      element(
        'button',
        { type: 'button', class: 'small', onclick: () => dispatchEvent(new Event('keywanted')) },
        'Give a key',
      ),
    retry && element('button', { type: 'button', class: 'small', onclick: retry }, 'Try again'),
  );
}

export function emptyNotice(...says: (string | Node)[]): HTMLElement {
  return element('div', { class: 'notice empty' }, element('p', {}, ...says));
}

export function busyNotice(says: string): HTMLElement {
  return element('div', { class: 'notice busy', role: 'status' }, element('p', {}, says));
}

/** True for what is thrown because the person went elsewhere. */
export function isAbort(thrown: unknown): boolean {
  return thrown instanceof Error && thrown.name === 'AbortError';
}
