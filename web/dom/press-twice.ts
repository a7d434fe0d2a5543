import { element } from './element.ts';

const askedMs = 5_000;

/** A button whose first press asks, and whose second press within a moment acts. */
export function pressTwice(name: string, question: string, act: () => void): HTMLElement {
  let isAsked = false;
  const ask = (asked: boolean) => {
    isAsked = asked;
    button.textContent = asked ? question : name;
    button.classList.toggle('danger', asked);
  };
  const button = element(
    'button',
    {
      type: 'button',
      class: 'small',
      onclick: () => {
        if (isAsked) act();
        else setTimeout(() => ask(false), askedMs);
        ask(!isAsked);
      },
    },
    name,
  );
  return button;
}
