import { element } from '../dom/element.ts';
import { formatValue } from '../format/format-value.ts';
import { exampleSound } from './example-sound.ts';
import type { Field, Trial } from './trial.ts';

type PlainField = Exclude<Field, { kind: 'file' | 'check' }>;

export type TrialForm = { host: HTMLElement; values: () => [string, string | File][] };

/** The fields of a trial; a file may be chosen or dropped. */
export function trialForm(trial: Trial, changed: () => void): TrialForm {
  const readers: (() => [string, string | File][])[] = [];
  const host = element(
    'div',
    { class: 'fields' },
    trial.fields.map((field) =>
      field.kind === 'file' ? fileField(field) : field.kind === 'check' ? checkField(field) : plainField(field),
    ),
  );
  host.addEventListener('input', changed);
  return { host, values: () => readers.flatMap((read) => read()) };

  function fileField(field: Extract<Field, { kind: 'file' }>): HTMLElement {
    const id = `field-${field.name}`;
    const input = element('input', {
      id,
      type: 'file',
      accept: 'audio/*,.wav,.flac,.mp3,.ogg,.aiff,.aif',
      multiple: field.several,
      required: !field.optional,
      onchange: named,
    });
    const name = element(
      'span',
      { class: 'drop-name' },
      field.several ? 'Drop sounds here, or choose them' : 'Drop a sound here, or choose one',
    );
    const drop = element(
      'label',
      { class: 'drop', for: id },
      element('span', { class: 'drop-sign', 'aria-hidden': 'true' }, '♪'),
      name,
      field.hint && element('span', { class: 'quiet' }, field.hint),
      input,
    );
    drop.addEventListener('dragover', (event) => {
      event.preventDefault();
      drop.classList.add('over');
    });
    drop.addEventListener('dragleave', () => drop.classList.remove('over'));
    drop.addEventListener('drop', (event) => {
      event.preventDefault();
      drop.classList.remove('over');
      if (!event.dataTransfer || event.dataTransfer.files.length === 0) return;
      input.files = event.dataTransfer.files;
      named();
    });
    readers.push(() => [...(input.files ?? [])].map((file) => [field.name, file]));
    return element(
      'div',
      { class: 'field wide' },
      element('span', { class: 'label' }, field.label),
      drop,
      field.example &&
        element(
          'div',
          { class: 'examples' },
          element(
            'button',
            { type: 'button', class: 'chip', onclick: takeExample },
            'Take an example: a chord with clicks',
          ),
        ),
    );

    function takeExample(): void {
      const files = new DataTransfer();
      files.items.add(exampleSound());
      input.files = files.files;
      named();
    }

    function named(): void {
      const files = [...(input.files ?? [])];
      if (files.length === 0) return;
      drop.classList.add('filled');
      name.textContent = files.map(({ name: file, size }) => `${file} (${formatValue(size, 'bytes')})`).join(', ');
      changed();
    }
  }

  function checkField({ name, label, checked }: Extract<Field, { kind: 'check' }>): HTMLElement {
    const input = element('input', { id: `field-${name}`, type: 'checkbox', checked });
    readers.push(() => (input.checked ? [[name, 'true']] : []));
    return element('label', { class: 'check wide' }, input, label);
  }

  function plainField(field: PlainField): HTMLElement {
    const id = `field-${field.name}`;
    const input = control(field, id);
    readers.push(() => (input.value.trim() === '' ? [] : [[field.name, input.value.trim()]]));
    const examples = field.kind === 'text' ? (field.examples ?? []) : [];
    return element(
      'div',
      { class: `field${field.kind === 'text' && (field.long || examples.length > 0) ? ' wide' : ''}` },
      element('label', { for: id }, field.label),
      input,
      examples.length > 0 &&
        element(
          'div',
          { class: 'examples' },
          examples.map((text) =>
            element(
              'button',
              {
                type: 'button',
                class: 'chip',
                onclick: () => {
                  input.value = text;
                  changed();
                },
              },
              text,
            ),
          ),
        ),
    );
  }
}

function control(field: PlainField, id: string): HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement {
  switch (field.kind) {
    case 'number':
      return element('input', {
        id,
        type: 'number',
        value: field.value,
        min: field.min,
        max: field.max,
        step: field.step,
      });
    case 'choice':
      return element(
        'select',
        { id },
        field.of.map((value) => element('option', { value, selected: value === field.value }, value)),
      );
    case 'text':
      if (!field.long) return element('input', { id, type: 'text', value: field.value, maxlength: 1000 });
      return element('textarea', { id, rows: 8, spellcheck: 'false' }, field.value);
  }
}
