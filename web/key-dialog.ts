import { sessionKey, setSessionKey } from './asking/session-key.ts';
import { element } from './dom/element.ts';
import { beginSignIn, signInFacts } from './sign-in.ts';

/** The button that asks for an API key or the administrator's token. */
export function keyButton(changed: () => void): HTMLElement {
  const input = element('input', {
    id: 'key',
    type: 'password',
    autocomplete: 'off',
    spellcheck: 'false',
    maxlength: 8192,
  });
  const button = element('button', { type: 'button', class: 'text', onclick: open });
  const signIn = signInButton();
  const dialog = element(
    'dialog',
    { 'aria-labelledby': 'key-title' },
    element(
      'form',
      { method: 'dialog', onsubmit: () => keep(input.value.trim()) },
      element('h2', { id: 'key-title' }, 'Your key'),
      signIn.button,
      element(
        'p',
        { class: 'quiet' },
        'An API key, or the administrator’s token. It is kept for this tab only, sent to this service only, and gone when you close the tab.',
      ),
      element('label', { for: 'key' }, 'Key or token'),
      input,
      element(
        'div',
        { class: 'row end' },
        element('button', { type: 'button', onclick: () => keep('') }, 'Forget it'),
        element('button', { type: 'button', onclick: () => dialog.close() }, 'Cancel'),
        element('button', { type: 'submit', class: 'primary' }, 'Use it'),
      ),
    ),
  );
  label();
  addEventListener('keychanged', label);
  // From wherever something was refused for want of one.
  addEventListener('keywanted', open);
  return element('div', {}, button, dialog);

  function open(): void {
    input.value = '';
    if (!dialog.open) dialog.showModal();
    void signIn.offer();
  }

  function keep(key: string): void {
    setSessionKey(key);
    dialog.close();
    label();
    changed();
  }

  function label(): void {
    button.replaceChildren(sessionKey() === '' ? 'Key' : 'Key ✓');
    button.setAttribute('aria-label', sessionKey() === '' ? 'Give a key' : 'Change the key that is in use');
  }
}

/** Hidden, until it is known that the page has a provider. */
function signInButton() {
  const button = element('button', { type: 'button', class: 'primary', hidden: '' }, 'Sign in');
  return {
    button,
    offer: async () => {
      const facts = await signInFacts();
      if (facts === undefined) return;
      button.hidden = false;
      button.onclick = () => void beginSignIn(facts);
    },
  };
}
