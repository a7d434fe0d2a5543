import { element } from '../dom/element.ts';
import { FileField } from './file-field.ts';
import type { Field, Trial } from './trial.ts';

type PlainField = Exclude<Field, { kind: 'file' | 'check' }>;

type FormField = { host: HTMLElement; values: () => [string, string | File][] };
export type TrialForm = FormField;

/** The fields of a trial; a file may be chosen or dropped. */
export function trialForm(trial: Trial, onChange: () => void): TrialForm {
  const fields = trial.fields.map((field) => formField(field, onChange));
  const host = element(
    'div',
    { class: 'fields' },
    fields.map((field) => field.host),
  );
  host.addEventListener('input', onChange);
  return { host, values: () => fields.flatMap((field) => field.values()) };
}

function formField(field: Field, onChange: () => void): FormField {
  switch (field.kind) {
    case 'file':
      return new FileField(field, onChange);
    case 'check':
      return checkField(field);
    default:
      return plainField(field, onChange);
  }
}

function checkField({ name, label, checked }: Extract<Field, { kind: 'check' }>): FormField {
  const input = element('input', { id: `field-${name}`, type: 'checkbox', checked });
  return {
    host: element('label', { class: 'check wide' }, input, label),
    values: () => (input.checked ? [[name, 'true']] : []),
  };
}

function plainField(field: PlainField, onChange: () => void): FormField {
  const id = `field-${field.name}`;
  const input = control(field, id);
  const examples = field.kind === 'text' ? (field.examples ?? []) : [];
  const chip = (text: string) => {
    const take = () => {
      input.value = text;
      onChange();
    };
    return element('button', { type: 'button', class: 'chip', onclick: take }, text);
  };
  return {
    host: element(
      'div',
      { class: `field${field.kind === 'text' && (field.long || examples.length > 0) ? ' wide' : ''}` },
      element('label', { for: id }, field.label),
      input,
      examples.length > 0 && element('div', { class: 'examples' }, examples.map(chip)),
    ),
    values: () => (input.value.trim() === '' ? [] : [[field.name, input.value.trim()]]),
  };
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
