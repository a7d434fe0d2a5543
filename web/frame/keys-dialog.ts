import { element } from '../dom/element.ts';
import { keysOfView } from './keys.ts';
import { views } from './views.ts';

/** What the keyboard does, on every view and on this one. */
export function showKeys(): void {
  const everywhere: [string, string][] = [
    ['Ctrl K  or  /', 'Search requests, models, runbooks, settings, errors'],
    ['?', 'Show the keys'],
    ...Object.values(views).flatMap(({ key, title }): [string, string][] => (key ? [[`g ${key}`, title]] : [])),
  ];
  const here = keysOfView().map(({ keys, does }): [string, string] => [keys, does]);
  const dialog = element(
    'dialog',
    { 'aria-labelledby': 'keys-title', onclose: () => dialog.remove() },
    element('h2', { id: 'keys-title' }, 'Keys'),
    list('On every view', everywhere),
    here.length > 0 && list('On this view', here),
    element(
      'form',
      { method: 'dialog' },
      element('div', { class: 'row end' }, element('button', { type: 'submit', autofocus: true }, 'Close')),
    ),
  );
  document.body.append(dialog);
  dialog.showModal();
}

function list(title: string, keys: readonly [string, string][]): HTMLElement {
  return element(
    'section',
    { class: 'keys' },
    element('h3', {}, title),
    element(
      'dl',
      { class: 'facts' },
      keys.flatMap(([key, does]) => [element('dt', {}, element('kbd', {}, key)), element('dd', {}, does)]),
    ),
  );
}
