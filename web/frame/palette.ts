import { element } from '../dom/element.ts';

/** The button that opens the search over everything; its dialog is loaded with the first use. */
export function paletteButton(): HTMLElement {
  return element(
    'button',
    { type: 'button', class: 'search-button', onclick: openPalette, 'aria-keyshortcuts': 'Control+K' },
    'Search',
    element('kbd', { 'aria-hidden': 'true' }, 'Ctrl K'),
  );
}

export function openPalette(): void {
  void import('./palette-dialog.ts').then(({ showPalette }) => showPalette());
}
