import { ask, askJson } from '../asking/ask.ts';
import { element } from '../dom/element.ts';
import { emptyNotice, failureNotice, isAbort } from '../dom/notice.ts';
import { askUses } from '../home/home-facts.ts';
import { replaceParameters, type View } from '../route.ts';
import { type Listed, modelCard, type Statistics } from './model-card.ts';

/**
 * What the repository has: state, what it took so far, its manifest, and loading and unloading for
 * the administrator.
 */
export const showModels: View = async (host, { parameters }, signal) => {
  const list = element('div', { class: 'models' });
  const status = element('div', { role: 'status' });
  host.append(
    element(
      'div',
      { class: 'title-row' },
      element('h1', {}, 'Models'),
      element('button', { type: 'button', class: 'small', onclick: () => void draw() }, 'Refresh'),
    ),
    filterField(parameters.get('model') ?? '', (text) => {
      parameters.set('model', text);
      replaceParameters(parameters);
      showMatching(list, text);
    }),
    status,
    list,
  );
  await draw();

  async function draw(): Promise<void> {
    try {
      list.replaceChildren(...(await modelCards((name, what) => void change(name, what), signal)));
      showMatching(list, parameters.get('model') ?? '');
    } catch (error) {
      if (!isAbort(error)) list.replaceChildren(failureNotice(error, () => void draw()));
    }
  }

  async function change(name: string, what: 'load' | 'unload'): Promise<void> {
    status.replaceChildren(element('p', { class: 'quiet' }, `${what === 'load' ? 'Loading' : 'Unloading'} ${name} …`));
    try {
      await ask(`/v2/repository/models/${encodeURIComponent(name)}/${what}`, { method: 'POST', body: '{}', signal });
      status.replaceChildren(element('p', {}, `${name} is ${what}ed.`));
    } catch (error) {
      if (isAbort(error)) return;
      status.replaceChildren(failureNotice(error));
    }
    await draw();
  }
};

function filterField(text: string, onText: (text: string) => void): HTMLElement {
  const input = element('input', {
    id: 'model-text',
    type: 'search',
    value: text,
    maxlength: 128,
    oninput: () => onText(input.value.trim()),
  });
  return element('div', { class: 'control' }, element('label', { for: 'model-text' }, 'Filter'), input);
}

function showMatching(list: HTMLElement, text: string): void {
  for (const card of list.querySelectorAll<HTMLElement>('.model'))
    card.hidden = !(card.getAttribute('aria-label') ?? '').toLowerCase().includes(text.toLowerCase());
}

async function modelCards(
  onChange: (name: string, what: 'load' | 'unload') => void,
  signal: AbortSignal,
): Promise<HTMLElement[]> {
  const [models, { model_stats: statistics }, uses] = await Promise.all([
    askJson<Listed[]>('/v2/repository/index', { method: 'POST', body: '{}', signal }),
    askJson<{ model_stats: Statistics[] }>('/v2/models/stats', { signal }),
    askUses(signal),
  ]);
  const names = [...new Set(models.map(({ name }) => name))].sort();
  if (names.length === 0)
    return [emptyNotice('The repository is empty: put models into the folder of VITRINE_MODELS.')];
  const of = <Row extends { name: string }>(rows: readonly Row[], name: string) =>
    rows.filter((row) => row.name === name);
  return names.map((name) =>
    modelCard(
      name,
      {
        versions: of(models, name),
        statistics: of(statistics, name),
        uses: uses?.filter(({ model }) => model === name),
      },
      { onChange: (what) => onChange(name, what), signal },
    ),
  );
}
