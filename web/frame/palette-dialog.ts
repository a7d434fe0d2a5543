import { element } from '../dom/element.ts';
import { findableParts, findableViews } from './findable.ts';
import { asRequestId, type Found } from './found.ts';
import { rankFound } from './rank-found.ts';

const shownMax = 12;
let open: Palette | undefined;

/** Opens the search over requests, models, runbooks, settings, errors, dashboards and views. */
export function showPalette(): void {
  if (open?.dialog.open) return;
  open = new Palette();
}

class Palette {
  readonly dialog: HTMLDialogElement;
  readonly #input: HTMLInputElement;
  readonly #list = element('ul', { id: 'found', role: 'listbox', 'aria-label': 'Found' });
  readonly #closed = new AbortController();
  #all: Found[] = findableViews();
  #found: Found[] = [];
  #chosen = 0;

  constructor() {
    this.#input = element('input', {
      type: 'search',
      id: 'palette-text',
      role: 'combobox',
      'aria-label': 'Search requests, models, runbooks, settings, errors',
      'aria-controls': 'found',
      'aria-expanded': 'true',
      'aria-autocomplete': 'list',
      placeholder: 'Request id, model, runbook, setting, error …',
      autocomplete: 'off',
      spellcheck: 'false',
      maxlength: 200,
      oninput: () => this.#search(),
      onkeydown: (event) => this.#key(event as KeyboardEvent),
    });
    this.dialog = element(
      'dialog',
      { class: 'palette', 'aria-label': 'Search', onclose: () => this.#close() },
      this.#input,
      this.#list,
      element('p', { class: 'quiet' }, '↑ ↓ choose, Enter opens, Esc closes'),
    );
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.#search();
    for (const part of findableParts(this.#closed.signal))
      void part.then((found) => {
        this.#all.push(...found);
        this.#search(this.#chosen);
      });
  }

  #search(chosen = 0): void {
    const text = this.#input.value.trim();
    const known = rankFound(this.#all, text, shownMax);
    this.#found = [...known, ...(known.length < 3 && text !== '' ? asRequestId(text) : [])];
    this.#chosen = Math.min(chosen, Math.max(0, this.#found.length - 1));
    this.#draw();
  }

  #draw(): void {
    this.#list.replaceChildren(
      ...(this.#found.length === 0
        ? [element('li', { class: 'quiet', role: 'option', 'aria-disabled': 'true' }, 'Nothing has all these words.')]
        : this.#found.map((each, at) => this.#option(each, at))),
    );
    const chosen = this.#list.children[this.#chosen];
    this.#input.setAttribute('aria-activedescendant', chosen?.id ?? '');
    chosen?.scrollIntoView({ block: 'nearest' });
  }

  #option({ kind, name, says }: Found, at: number): HTMLElement {
    return element(
      'li',
      {
        id: `found-${at}`,
        role: 'option',
        'aria-selected': String(at === this.#chosen),
        onclick: () => {
          this.#chosen = at;
          this.#go();
        },
      },
      element('span', { class: 'badge' }, kind),
      element('strong', {}, name),
      element('span', { class: 'quiet' }, says),
    );
  }

  #key(event: KeyboardEvent): void {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by !== undefined && this.#found.length > 0) {
      event.preventDefault();
      this.#chosen = (this.#chosen + by + this.#found.length) % this.#found.length;
      this.#draw();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      this.#go();
    }
  }

  #go(): void {
    const found = this.#found[this.#chosen];
    if (!found) return;
    this.dialog.close();
    location.hash = found.href;
  }

  #close(): void {
    this.#closed.abort();
    this.dialog.remove();
    open = undefined;
  }
}
