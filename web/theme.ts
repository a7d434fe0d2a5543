import { element } from './dom/element.ts';

const place = 'vitrine.theme';

/**
 * Light or dark: as the person's system has it, until they choose. Charts redraw at `themechange`.
 */
export function themeButton(): HTMLElement {
  const chosen = localStorage.getItem(place);
  if (chosen !== null) document.documentElement.dataset.theme = chosen;
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', announce);
  return element(
    'button',
    {
      type: 'button',
      class: 'icon',
      'aria-label': 'Switch between light and dark',
      title: 'Light or dark',
      onclick: toggle,
    },
    element('span', { class: 'half-moon', 'aria-hidden': 'true' }),
  );
}

/** The value of a colour of the style sheet, for canvases. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

export function onThemeChange(redraw: () => void, signal: AbortSignal): void {
  addEventListener('themechange', redraw, { signal });
}

function toggle(): void {
  const dark = getComputedStyle(document.documentElement).colorScheme === 'dark';
  document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  localStorage.setItem(place, dark ? 'light' : 'dark');
  announce();
}

function announce(): void {
  dispatchEvent(new Event('themechange'));
}
