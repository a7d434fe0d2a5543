import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import { exampleSound } from './example-sound.ts';
import type { Field } from './trial.ts';

/** A field whose files may be chosen, dropped, or the example. */
export class FileField {
  readonly host: HTMLElement;
  readonly #field: Extract<Field, { kind: 'file' }>;
  readonly #onChange: () => void;
  readonly #input: HTMLInputElement;
  readonly #name: HTMLElement;
  readonly #drop: HTMLElement;

  constructor(field: Extract<Field, { kind: 'file' }>, onChange: () => void) {
    this.#field = field;
    this.#onChange = onChange;
    const id = `field-${field.name}`;
    this.#input = element('input', {
      id,
      type: 'file',
      accept: 'audio/*,.wav,.flac,.mp3,.ogg,.aiff,.aif',
      multiple: field.several,
      required: !field.optional,
      onchange: () => this.#showNames(),
    });
    this.#name = element(
      'span',
      { class: 'drop-name' },
      field.several ? 'Drop sounds here, or choose them' : 'Drop a sound here, or choose one',
    );
    this.#drop = element(
      'label',
      { class: 'drop', for: id },
      element('span', { class: 'drop-sign', 'aria-hidden': 'true' }, '♪'),
      this.#name,
      field.hint && element('span', { class: 'quiet' }, field.hint),
      this.#input,
    );
    this.#acceptDrops();
    this.host = element(
      'div',
      { class: 'field wide' },
      element('span', { class: 'label' }, field.label),
      this.#drop,
      field.example && this.#exampleButton(),
    );
  }

  values(): [string, File][] {
    return [...(this.#input.files ?? [])].map((file) => [this.#field.name, file]);
  }

  #acceptDrops(): void {
    const drop = this.#drop;
    drop.addEventListener('dragover', (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
    drop.addEventListener('dragleave', () => drop.classList.remove('over'));
    drop.addEventListener('drop', (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      if (event.dataTransfer && event.dataTransfer.files.length > 0) this.#take(event.dataTransfer.files);
    });
  }

  #exampleButton(): HTMLElement {
    const takeExample = () => {
      const files = new DataTransfer();
      files.items.add(exampleSound());
      this.#take(files.files);
    };
    const says = 'Take an example: a chord with clicks';
    const button = element('button', { type: 'button', class: 'chip', onclick: takeExample }, says);
    return element('div', { class: 'examples' }, button);
  }

  #take(files: FileList): void {
    this.#input.files = files;
    this.#showNames();
  }

  #showNames(): void {
    const files = [...(this.#input.files ?? [])];
    if (files.length === 0) return;
    this.#drop.classList.add('filled');
    this.#name.textContent = files.map(({ name, size }) => `${name} (${formatValue(size, 'bytes')})`).join(', ');
    this.#onChange();
  }
}
