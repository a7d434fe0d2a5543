import { openPalette } from './palette.ts';
import { views } from './views.ts';

/** What a key does on a view; `?` lists all keys. */
export type ViewKey = { keys: string; does: string; act: () => void };

const ofViews = new Set<ViewKey>();
const afterGMs = 1_500;

/** Keys of the view that is open, until it is left. */
export function addKeys(keys: readonly ViewKey[], signal: AbortSignal): void {
  for (const key of keys) ofViews.add(key);
  signal.addEventListener('abort', () => {
    for (const key of keys) ofViews.delete(key);
  });
}

export function keysOfView(): readonly ViewKey[] {
  return [...ofViews];
}

/** Ctrl-K, `/`, `?`, `g` and a letter, and the keys of the view that is open. */
export function listenForKeys(): void {
  let goUntil = 0;
  addEventListener('keydown', (event) => {
    if (event.key === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      openPalette();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event) || document.querySelector('dialog[open]'))
      return;
    if (performance.now() < goUntil) {
      goUntil = 0;
      if (goTo(event.key)) event.preventDefault();
      return;
    }
    const found = keysOfView().find(({ keys }) => keys === event.key);
    if (found) {
      event.preventDefault();
      found.act();
    } else if (event.key === '/') {
      event.preventDefault();
      openPalette();
    } else if (event.key === '?') void import('./keys-dialog.ts').then(({ showKeys }) => showKeys());
    else if (event.key === 'g') goUntil = performance.now() + afterGMs;
  });
}

function goTo(letter: string): boolean {
  const [name] = Object.entries(views).find(([, { key }]) => key === letter) ?? [];
  if (name === undefined) return false;
  location.hash = `#/${name}`;
  return true;
}

/** Where keys write, or walk within a part that has keys itself. */
function isTyping({ target }: KeyboardEvent): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) &&
    (target as HTMLInputElement).type !== 'checkbox'
  );
}
