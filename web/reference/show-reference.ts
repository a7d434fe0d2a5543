import { element } from '../dom/element.ts';
import { columnHead, gridTable, scrollRegion } from '../dom/grid-table.ts';
import { emptyNotice } from '../dom/notice.ts';
import { nameView } from '../frame/page-title.ts';
import { hashOf, replaceParameters, type View } from '../route.ts';
import { askReference, type FailureLine, type Reference, type SettingLine } from './ask-reference.ts';
import { failureCard } from './failure-card.ts';

const parts = [
  ['settings', 'Settings'],
  ['errors', 'Errors'],
  ['runbooks', 'Runbooks'],
] as const;
type Part = (typeof parts)[number][0];

/** What a person looks up: settings with their values, every failure, every runbook. */
export const showReference: View = async (host, { path, parameters }, signal) => {
  const [, part = 'settings', name] = path as [string, Part | undefined, string | undefined];
  const reference = await askReference(signal);
  nameView(name ?? parts.find(([each]) => each === part)?.[1] ?? 'Reference');
  host.append(
    element('h1', {}, 'Reference'),
    element(
      'nav',
      { class: 'segments big', 'aria-label': 'Reference' },
      parts.map(([each, title]) =>
        element('a', { href: `#/reference/${each}`, 'aria-current': each === part ? 'page' : undefined }, title),
      ),
      element('a', { href: '/docs' }, 'API'),
    ),
  );
  const failure = part === 'errors' && reference.failures.find(({ code }) => code === name);
  if (failure) host.append(failureCard(failure));
  const filter = filterField(parameters.get('text') ?? name ?? '', (text) => {
    parameters.set('text', text);
    replaceParameters(parameters);
    draw(text);
  });
  const list = element('div', { class: 'list' });
  host.append(filter, list);
  draw(parameters.get('text') ?? (failure ? '' : (name ?? '')));

  function draw(text: string): void {
    const rows = rowsOf(part, reference, text.toLowerCase());
    list.replaceChildren(rows ?? emptyNotice('Nothing has these words.'));
  }
};

function filterField(text: string, onText: (text: string) => void): HTMLElement {
  const input = element('input', {
    id: 'reference-text',
    type: 'search',
    value: text,
    maxlength: 100,
    oninput: () => onText(input.value.trim()),
  });
  return element('div', { class: 'control' }, element('label', { for: 'reference-text' }, 'Filter'), input);
}

function rowsOf(part: Part, { settings, failures, runbooks }: Reference, text: string): HTMLElement | undefined {
  const has = (...texts: string[]) => texts.some((each) => each.toLowerCase().includes(text));
  switch (part) {
    case 'errors': {
      const found = failures.filter(({ code, means, status }) => has(code, means, String(status)));
      return found.length === 0 ? undefined : failureTable(found);
    }
    case 'runbooks': {
      const found = runbooks.filter((name) => has(name));
      if (found.length === 0) return undefined;
      return element(
        'ul',
        { class: 'names' },
        found.map((name) => element('li', {}, element('a', { href: hashOf(['runbooks', name]) }, name))),
      );
    }
    default: {
      const found = settings.filter(({ name, says }) => has(name, says));
      return found.length === 0 ? undefined : settingTable(found);
    }
  }
}

function settingTable(settings: readonly SettingLine[]): HTMLElement {
  const withValues = settings.some(({ value }) => value !== undefined);
  const shown = (value: SettingLine['default'] | undefined) => (value === '' ? '(empty)' : String(value ?? ''));
  return scrollRegion(
    'Settings',
    gridTable(
      ['Setting', ...(withValues ? ['Value'] : []), 'Default', 'What it does'].map((name) =>
        columnHead(name, name === 'Default' ? 'minor' : undefined),
      ),
      settings.map((each) =>
        element(
          'tr',
          { class: each.is_changed ? 'changed' : undefined },
          element('th', { scope: 'row', class: 'mono' }, each.name),
          withValues &&
            element(
              'td',
              { class: 'mono breaks' },
              shown(each.value),
              each.is_changed && element('span', { class: 'badge warn' }, 'changed'),
            ),
          element('td', { class: 'mono quiet minor breaks' }, shown(each.default)),
          element('td', {}, each.says),
        ),
      ),
    ),
  );
}

function failureTable(failures: readonly FailureLine[]): HTMLElement {
  return scrollRegion(
    'Errors',
    gridTable(
      ['Code', 'Status', 'Whose', 'Retry', 'What it means'].map((name) =>
        columnHead(name, name === 'Retry' ? 'minor' : undefined),
      ),
      failures.map(({ code, status, fault, retryable, means }) =>
        element(
          'tr',
          {},
          element(
            'th',
            { scope: 'row', class: 'mono' },
            element('a', { href: hashOf(['reference', 'errors', code]) }, code),
          ),
          element('td', {}, String(status)),
          element('td', {}, fault),
          element('td', { class: 'minor' }, retryable ? 'yes' : 'no'),
          element('td', {}, means),
        ),
      ),
    ),
  );
}
